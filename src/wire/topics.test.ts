import { describe, expect, it } from 'vitest';
import { generateIdentity, mailboxOf } from '../crypto/index.ts';
import { inboxTopic, joinTopic, mayPublish, maySubscribe, presenceTopic } from './topics.ts';

const [self, other] = [generateIdentity().public.id, generateIdentity().public.id];
const mailbox = mailboxOf(self);
const meeting = 'A'.repeat(22);

describe('topics', () => {
  it('name mailboxes, never ids', () => {
    expect(inboxTopic(self)).toBe(`konsil/1/in/${mailbox}`);
    expect(presenceTopic(self)).toBe(`konsil/1/up/${mailbox}`);
    for (const topic of [inboxTopic(self), presenceTopic(self)]) expect(topic).not.toContain(self);
  });

  it('let a client write to every mailbox, to its own presence and to a meeting', () => {
    for (const topic of [inboxTopic(self), inboxTopic(other), presenceTopic(self), joinTopic(meeting, 'pod')])
      expect(mayPublish(mailbox, topic), topic).toBe(true);
    expect(mayPublish(mailbox, presenceTopic(other))).toBe(false);
  });

  it('let a client read its own mailbox alone, presences and a meeting', () => {
    for (const topic of [inboxTopic(self), presenceTopic(other), joinTopic(meeting, 'modeller')])
      expect(maySubscribe(mailbox, topic), topic).toBe(true);
    expect(maySubscribe(mailbox, inboxTopic(other))).toBe(false);
  });

  it.each([
    '#',
    '+',
    '',
    'konsil/1/in/#',
    'konsil/1/in/+',
    'konsil/1/up/+',
    'konsil/1/join/+/pod',
    `konsil/1/join/${meeting}/#`,
    `konsil/1/join/${meeting}/boss`,
    `konsil/1/join/${'A'.repeat(21)}/pod`,
    `konsil/2/in/${'A'.repeat(22)}`,
    `/konsil/1/in/${'A'.repeat(22)}`,
    `konsil/1/in/${'A'.repeat(22)}/more`,
    `konsil/1/in/${'A'.repeat(22)}\n`,
    '$SYS/broker/clients',
    '$share/all/konsil/1/in/x',
  ])('let nobody use "%s"', (topic) => {
    expect(mayPublish(mailbox, topic)).toBe(false);
    expect(maySubscribe(mailbox, topic)).toBe(false);
  });
});
