import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearPattern } from './linearPattern.ts';

describe('linearPattern', () => {
  it.each([
    ['^[a-z0-9_-]+$', ['baseline', 'run_1-a'], ['Baseline', '', 'a b', 'a\n']],
    ['pred', ['pred', 'my_prediction'], ['Pred', 'pre d']],
    ['^(?:logit|prob)s?_\\d{1,3}$', ['logit_0', 'probs_999'], ['logit_', 'logits_1234']],
    ['(?i)^Seg', ['segment', 'SEGMENT'], ['xseg']],
    ['[^\\d\\s]', ['a', '1a'], ['1', '1 2', '']],
    ['^a{2}b{0,1}c{1,}$', ['aac', 'aabccc'], ['ac', 'aabbc', 'aab']],
    ['\\bcat\\b', ['a cat.', 'cat'], ['cats', 'concat']],
    ['^.[]]?$', ['a', 'ä', '😀'], ['', '\n', 'ab']],
    ['^(?<year>\\d+)-(?P<month>\\d+)$', ['2020-1'], ['2020']],
    ['^\\u00e4\\x41\\.$', ['äA.'], ['äAx']],
    ['', ['', 'x'], []],
    ['a|^$', ['', 'ba'], ['b']],
  ])('%s', (source, yes, no) => {
    const pattern = linearPattern(source);
    for (const text of yes) expect([text, pattern.test(text)]).toEqual([text, true]);
    for (const text of no) expect([text, pattern.test(text)]).toEqual([text, false]);
  });

  it('answers as the engine of the language does', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '\\b', '^', '$', '(a|b)', '(?:ab)');
    const times = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,2}', '{0,}', '*?');
    const part = fc.tuple(atom, times).map(([one, many]) => (/^(?:\^|\$|\\b)$/.test(one) ? one : one + many));
    const sequence = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(''));
    const nested = fc
      .tuple(sequence, sequence, fc.constantFrom('', '*', '+', '?'))
      .map(([one, other, many]) => `(${one}|${other})${many}${one}`);
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), maxLength: 8 });
    fc.assert(
      fc.property(fc.oneof(sequence, nested), text, (source, subject) => {
        expect(linearPattern(source).test(subject)).toBe(new RegExp(source, 'u').test(subject));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['(a+)+$'],
    ['^(a|a)*$'],
    ['(a|aa)+$'],
    ['(.*)(.*)(.*)(.*)(.*)(.*)x$'],
    [`${'a?'.repeat(60)}${'a'.repeat(60)}b`],
  ])('ends for %s, whatever the text', (source) => {
    // the engine of the language would take longer than the test may
    expect(linearPattern(source).test(`${'a'.repeat(3_000)}!`)).toBe(false);
  });

  it.each([
    ['(a)\\1', /back references/],
    ['(?=a)', /look-around/],
    ['(?<!a)b', /look-around/],
    ['a**', /cannot be repeated/],
    ['a*+', /possessive/],
    ['*a', /repeats nothing/],
    ['(a', /not closed/],
    ['a)', /closes no group/],
    ['[a', /not closed/],
    ['[z-a]', /is empty/],
    ['a{3,2}', /expected a range/],
    ['((a{1000}){1000}){1000}', /repeats too much/],
    ['(((){1000}){1000}){1000}', /repeats too much/],
    ['a\\', /backslash/],
    ['\\p', /\\p is not supported/],
    ['^*', /cannot be repeated/],
    ['a'.repeat(501), /at most 500/],
    ['('.repeat(60), /nested too deep/],
  ])('refuses %s', (source, message) => {
    expect(() => linearPattern(source)).toThrow(message);
    expect(() => linearPattern(source)).toThrow(SyntaxError);
  });
});
