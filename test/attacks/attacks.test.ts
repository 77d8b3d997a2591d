import { afterAll, describe, expect, it } from 'vitest';
import { CATALOGUE } from './catalogue/index.ts';
import { type Code, mount } from './support/attack.ts';
import { Mutants } from './support/mutant.ts';
import * as code from './support/surface.ts';

const mutants = new Mutants((url) => import(/* @vite-ignore */ url) as Promise<Code>);
afterAll(() => mutants.close());

describe.each(CATALOGUE)('$name', (attack) => {
  it('fails', async () => {
    expect(await mount(attack, code)).toEqual({ succeeded: false, code: attack.code });
  });

  it('succeeds without its defence', async () => {
    expect(await mount(attack, await mutants.without(attack.defence))).toMatchObject({ succeeded: true });
  });
});
