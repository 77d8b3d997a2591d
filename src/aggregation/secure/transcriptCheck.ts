/**
 * Checks a transcript: would these messages, sent by honest pods, have let the coordinator learn more than the sum? Every
 * rule the pods and the coordinator apply is applied again, from the transcript alone.
 *
 * It cannot show what the coordinator left out of it. That is no way around the verdict: there is only one list of
 * survivors that enough pods signed, and honest pods answer for that list only.
 * @module
 */
import { equalBytes, isKonsilError, toHex } from '../../base/index.ts';
import { importPublic, type PeerId, sha256 } from '../../crypto/index.ts';
import { checkAdvertised, checkDealt, checkSameModel, hashSurvivors, sameList } from './checks.ts';
import { isSparse, openSession, type Session } from './context.ts';
import { checkNonce, drawGraph } from './graph.ts';
import { type Bodies, COORDINATOR, type MessageType, openMessage, openQuoted, peekMessage } from './messages.ts';
import { commitShare } from './sharing.ts';
import { readCut, type Transcript, type TranscriptEntry } from './transcript.ts';

/** Something wrong. `line` counts from 1; null for what concerns the whole. */
export interface Finding {
  readonly line: number | null;
  readonly pod: string | null;
  readonly what: string;
}

/** A pod of the roster, and how far it came. */
export interface CheckedPod {
  readonly name: string;
  readonly id: PeerId;
  /** Last phase it answered, or null. */
  readonly answered: 'advertise' | 'share' | 'upload' | 'sign' | 'release' | null;
  /** Shares of its secrets that the coordinator holds: of the self mask and of the mask key. */
  readonly selfShares: number;
  readonly keyShares: number;
}

export interface TranscriptReport {
  readonly session: Session | null;
  readonly coordinator: PeerId | null;
  readonly pods: readonly CheckedPod[];
  /** Names of the survivors that enough pods signed for, or null. */
  readonly survivors: readonly string[] | null;
  readonly signatures: number;
  readonly outcome: 'sum' | 'failed' | 'unfinished';
  /** Why it failed. */
  readonly reason: string;
  /** Whether any pod released shares: then this sum must never be tried again. */
  readonly isSpent: boolean;
  /** Release messages whose shares are cut out, so that neither their signatures nor their shares can be checked. */
  readonly withoutShares: number;
  /** Messages that were refused or came too late; they count for nothing. */
  readonly passedOver: number;
  readonly findings: readonly Finding[];
  /** Advertised keys, in hexadecimal: none may ever come again. */
  readonly keys: readonly string[];
}

/** A message that opened, with its line. */
interface Opened<K extends MessageType> {
  readonly line: number;
  readonly bytes: Uint8Array;
  readonly body: Bodies[K];
}

type Released = Opened<'release'>['body']['shares'][number] | { readonly of: number; readonly kind: 'self' | 'key' };

/** Applies every rule to `transcript`. Never throws for what it contains. */
export function checkTranscript(transcript: Transcript): TranscriptReport {
  return new Check(transcript).report();
}

class Check {
  readonly #transcript: Transcript;
  readonly #findings: Finding[] = [];
  readonly #ids = new Map<string, PeerId>();
  #coordinator: PeerId | null = null;
  #session: Session | null = null;
  readonly #adverts = new Map<number, Opened<'advertise'>>();
  readonly #shares = new Map<number, Opened<'shares'>>();
  readonly #manifests = new Map<number, Opened<'manifest'>>();
  readonly #signed = new Map<number, Opened<'consistency'>>();
  readonly #released = new Map<number, { readonly line: number; readonly shares: readonly Released[] }>();
  readonly #rosters = new Map<number, Opened<'roster'>>();
  readonly #inboxes = new Map<number, Opened<'inbox'>>();
  readonly #survivors = new Map<number, Opened<'survivors'>>();
  readonly #proofs = new Map<number, Opened<'proof'>>();
  #withoutShares = 0;
  #passedOver = 0;

  constructor(transcript: Transcript) {
    this.#transcript = transcript;
  }

  report(): TranscriptReport {
    this.#session = this.#open();
    let survivors: Bodies['survivors'] | null = null;
    if (this.#session) {
      this.#readAll(this.#session);
      survivors = this.#judge(this.#session);
    }
    const outcome = this.#outcome(survivors);
    const { entries } = this.#transcript;
    const last = entries.findLast((entry) => entry.type === 'outcome');
    return {
      ...{ session: this.#session, coordinator: this.#coordinator, pods: this.#pods(), outcome },
      survivors: survivors?.uploads.map(({ pod }) => this.#name(pod)) ?? null,
      signatures: this.#signed.size,
      reason: last?.failed ?? '',
      isSpent: this.#proofs.size > 0,
      ...{ withoutShares: this.#withoutShares, passedOver: this.#passedOver, findings: this.#findings },
      keys: [...this.#adverts.values()].flatMap(({ body }) => [toHex(body.maskKey), toHex(body.channelKey)]),
    };
  }

  #find(line: number | null, pod: number | string | null, what: string): void {
    this.#findings.push({ line, pod: typeof pod === 'number' ? this.#name(pod) : pod, what });
  }

  #name(pod: number): string {
    return this.#session?.roster[pod]?.name ?? `number ${pod}`;
  }

  /** Runs a check that throws; its error becomes a finding. */
  #try(line: number, pod: number | string | null, check: () => void): boolean {
    try {
      check();
      return true;
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      this.#find(line, pod, error.message);
      return false;
    }
  }

  // ── session ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** The session as its own parameters give it. */
  #open(): Session | null {
    const said = this.#transcript.session;
    let session: Session | null = null;
    const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
    this.#try(1, null, () => {
      const coordinator = importPublic(said.coordinator);
      this.#coordinator = coordinator.id;
      const roster = said.roster.map(({ name, public: line }) => {
        const peer = importPublic(line);
        this.#ids.set(name, peer.id);
        return { name, publicKey: peer.signing };
      });
      const { graph, colluding, dropouts } = said.assumptions;
      session = openSession({
        ...{ runId: said.runId, round: said.round, attempt: said.attempt, purpose: said.purpose, roster },
        ...{ coordinator: coordinator.signing, minimum: said.minimum, shape: said.shape, wireBytes: said.wireBytes },
        assumptions: {
          ...(graph !== undefined && { graph }),
          ...(colluding !== undefined && { colluding }),
          ...(dropouts !== undefined && { dropouts }),
        },
        commitments: new Map(
          said.roster.flatMap(({ name, commitment }) => (commitment ? [[name, bytes(commitment)]] : [])),
        ),
        publicHash: bytes(said.publicHash),
      });
    });
    const opened = session as Session | null;
    if (opened && (toHex(opened.base) !== said.base || toHex(opened.ctx) !== said.ctx))
      this.#find(1, null, 'its context hash is not that of its parameters');
    return opened;
  }

  // ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────

  #readAll(session: Session): void {
    let phase = 0;
    for (const [i, entry] of this.#transcript.entries.entries()) {
      const line = i + 2;
      if (entry.type === 'received' && entry.refused !== undefined) this.#passOver();
      else if (entry.type === 'received') this.#received(session, entry, line);
      else if (entry.type === 'sent') this.#sent(session, entry, line);
      if (entry.type !== 'sent' && entry.type !== 'received') continue;
      const at = PHASES.indexOf(entry.phase);
      if (at < phase) this.#find(line, null, `phase ${entry.phase} comes after ${PHASES[phase]}`);
      phase = Math.max(phase, at);
    }
  }

  #sent(session: Session, entry: Extract<TranscriptEntry, { type: 'sent' }>, line: number): void {
    const { message, to } = entry;
    this.#try(line, null, () => {
      const { type } = peekMessage(message);
      const into = { roster: this.#rosters, inbox: this.#inboxes, survivors: this.#survivors, proof: this.#proofs };
      if (!(type in into)) return this.#find(line, null, `a coordinator sends no ${type} message`);
      const body = openMessage(session, type, COORDINATOR, message);
      this.#expect(line, null, type, entry.phase);
      for (const name of to) {
        const pod = session.roster.findIndex((member) => member.name === name);
        const opened = { line, bytes: message, body } as never;
        if (pod < 0) this.#find(line, name, 'is not in the roster');
        else this.#keep(into[type as keyof typeof into], pod, type, opened);
      }
    });
  }

  #received(session: Session, entry: Extract<TranscriptEntry, { type: 'received' }>, line: number): void {
    const { message: bytes, from } = entry;
    const pod = session.roster.findIndex((member) => member.name === from);
    if (pod < 0) return this.#find(line, from, 'is not in the roster');
    if (entry.whole !== undefined) return this.#receivedCut(session, pod, bytes, line);
    this.#try(line, pod, () => {
      const { type } = peekMessage(bytes);
      // it came too late to matter, and the coordinator passed over it
      if (PHASES.indexOf(DUE[type] ?? entry.phase) < PHASES.indexOf(entry.phase)) return this.#passOver();
      this.#expect(line, pod, type, entry.phase);
      const open = <K extends MessageType>(kind: K): Opened<K> => ({
        ...{ line, bytes },
        body: openMessage(session, kind, pod, bytes),
      });
      if (type === 'advertise') this.#keep(this.#adverts, pod, type, open(type));
      else if (type === 'shares') this.#keep(this.#shares, pod, type, open(type));
      else if (type === 'manifest') {
        const manifest = open(type);
        this.#keep(this.#manifests, pod, type, manifest);
        if (entry.vector !== toHex(manifest.body.sha256))
          this.#find(line, pod, 'its masked vector is not the one that its manifest names');
      } else if (type === 'consistency') this.#keep(this.#signed, pod, type, open(type));
      else if (type === 'release') {
        const { body } = open(type);
        if (this.#released.has(pod)) this.#find(line, pod, 'released shares twice');
        this.#released.set(pod, { line, shares: body.shares });
        this.#checkList(pod, line, body.survivorsHash);
      } else if (type === 'complaint') open(type);
      else this.#find(line, pod, `a pod sends no ${type} message`);
    });
  }

  #passOver(): void {
    this.#passedOver++;
  }

  #receivedCut(session: Session, pod: number, bytes: Uint8Array, line: number): void {
    const cut = readCut(bytes);
    if (!cut || cut.sender !== pod || !equalBytes(cut.ctx, session.ctx))
      return this.#find(line, pod, 'is no release message of this pod and session without its shares');
    if (this.#released.has(pod)) this.#find(line, pod, 'released shares twice');
    this.#withoutShares++;
    this.#released.set(pod, { line, shares: cut.shares });
    this.#checkList(pod, line, cut.survivorsHash);
  }

  /** Releases come after the survivors, so their list is known. */
  #checkList(pod: number, line: number, survivorsHash: Uint8Array): void {
    const list = this.#survivors.get(pod);
    if (!list || !equalBytes(survivorsHash, hashSurvivors(this.#session!, list.body)))
      this.#find(line, pod, 'released shares for another list of survivors than it was shown');
  }

  #expect(line: number, pod: number | null, type: MessageType, phase: string): void {
    const due = DUE[type];
    if (due !== null && due !== phase) this.#find(line, pod, `${type} message in phase ${phase}, it belongs to ${due}`);
  }

  #keep<K extends MessageType>(map: Map<number, Opened<K>>, pod: number, type: K, opened: Opened<K>): void {
    const before = map.get(pod);
    if (before && !equalBytes(before.bytes, opened.bytes))
      this.#find(opened.line, pod, `second ${type} message, other than that of line ${before.line}`);
    else map.set(pod, opened);
  }

  // ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @returns the one list of survivors, when enough pods signed it. */
  #judge(session: Session): Bodies['survivors'] | null {
    const holders = this.#checkKeys(session);
    if (!holders) return null;
    const dealers = this.#checkShares(session, holders);
    const list = this.#checkSurvivors(session, holders, dealers);
    const isSigned = list !== null && this.#checkSignatures(session, list);
    if (list) this.#checkReleased(session, holders, list);
    else if (this.#released.size > 0) this.#find(null, null, 'shares were released without a list of survivors');
    return isSigned ? list : null;
  }

  /** @returns holders of each pod's shares; null when it never came to sharing. */
  #checkKeys(session: Session): readonly (readonly number[])[] | null {
    for (const [pod, { line, body }] of this.#adverts)
      this.#try(line, pod, () => {
        checkSameModel(session, pod, body);
        checkNonce(session, pod, body.nonce);
      });
    if (this.#rosters.size === 0) return null;
    const nonces = isSparse(session) ? session.roster.map((_, pod) => this.#adverts.get(pod)?.body.nonce) : [];
    if (nonces.includes(undefined)) {
      this.#find(null, null, 'sharing began without the nonces of all pods');
      return null;
    }
    const holders = drawGraph(session, nonces as Uint8Array[]);
    const quoted = new Map(
      [...this.#rosters].map(([pod, { line, body }]) => {
        let senders: number[] = [];
        this.#try(line, pod, () => {
          const list = openQuoted(session, 'advertise', body.messages);
          senders = list.map(({ sender }) => sender);
          for (const { sender, bytes } of list)
            if (!equalBytes(bytes, this.#adverts.get(sender)?.bytes ?? new Uint8Array(0)))
              this.#find(line, pod, `was shown other keys of ${this.#name(sender)} than that pod sent`);
        });
        if (!sameBytes(body.nonces, nonces as Uint8Array[])) this.#find(line, pod, 'was shown other nonces');
        return [pod, senders] as const;
      }),
    );
    const cohort = new Set([...quoted.values()].flat());
    const least = isSparse(session) ? session.n : session.minSurvivors;
    if (cohort.size < least) this.#find(null, null, `keys of ${cohort.size} pods were shared, ${least} are needed`);
    for (const [pod, senders] of quoted)
      if (
        !sameList(
          senders,
          holders[pod]!.filter((holder) => cohort.has(holder)),
        )
      )
        this.#find(this.#rosters.get(pod)!.line, pod, 'was shown keys of other pods than the others were');
    const last = Math.max(...[...this.#rosters.values()].map(({ line }) => line));
    this.#try(last, null, () =>
      checkAdvertised([...this.#adverts].filter(([pod]) => cohort.has(pod)).map(([, { body }]) => body)),
    );
    for (const [pod, { line, body }] of this.#shares)
      this.#try(line, pod, () =>
        checkDealt(
          body,
          holders[pod]!.filter((holder) => cohort.has(holder)),
        ),
      );
    return holders;
  }

  /** @returns the dealers whose shares were passed on. */
  #checkShares(session: Session, holders: readonly (readonly number[])[]): ReadonlySet<number> {
    const dealers = new Set([...this.#inboxes.values()].flatMap(({ body }) => body.entries.map(({ pod }) => pod)));
    if (this.#inboxes.size > 0 && dealers.size < session.minSurvivors)
      this.#find(null, null, `shares of ${dealers.size} pods were passed on, ${session.minSurvivors} are needed`);
    for (const [pod, { line, body }] of this.#inboxes) {
      const due = holders[pod]!.filter((holder) => dealers.has(holder));
      if (
        !sameList(
          body.entries.map((entry) => entry.pod),
          due,
        )
      )
        this.#find(line, pod, 'was given shares of other dealers than the others were');
      if (due.length < session.t)
        this.#find(line, pod, `was given shares of ${due.length} dealers, ${session.t} are needed`);
      for (const { pod: dealer, ...entry } of body.entries) {
        const dealt = this.#shares.get(dealer)?.body.entries.find((candidate) => candidate.pod === pod);
        const isSame =
          dealt !== undefined &&
          (['selfCommitment', 'keyCommitment', 'nonce', 'sealed'] as const).every((key) =>
            equalBytes(dealt[key], entry[key]),
          );
        if (!isSame) this.#find(line, pod, `was given other shares than ${this.#name(dealer)} dealt to it`);
      }
    }
    return dealers;
  }

  #checkSurvivors(
    session: Session,
    holders: readonly (readonly number[])[],
    dealers: ReadonlySet<number>,
  ): Bodies['survivors'] | null {
    const [first, ...others] = [...this.#survivors.values()];
    if (!first) return null;
    const { line, body } = first;
    for (const other of others)
      if (!equalBytes(other.bytes, first.bytes))
        this.#find(other.line, null, `second list of survivors, other than that of line ${line}`);
    const pods = new Set(body.uploads.map(({ pod }) => pod));
    if (pods.size < session.minSurvivors)
      this.#find(line, null, `${pods.size} survivors, ${session.minSurvivors} are needed`);
    for (const { pod, manifestHash } of body.uploads) {
      const manifest = this.#manifests.get(pod);
      if (!dealers.has(pod)) this.#find(line, pod, 'is among the survivors, but its shares were not passed on');
      if (!manifest || !equalBytes(sha256(manifest.bytes), manifestHash))
        this.#find(line, pod, 'is among the survivors with another manifest than it sent');
      else if (manifest.body.bytes !== session.wireBytes)
        this.#find(manifest.line, pod, `its masked vector has ${manifest.body.bytes} bytes, not ${session.wireBytes}`);
    }
    for (const dealer of dealers) {
      const left = holders[dealer]!.filter((holder) => pods.has(holder)).length;
      if (left < session.t) this.#find(line, dealer, `${left} of its holders survived, ${session.t} are needed`);
    }
    return body;
  }

  #checkSignatures(session: Session, list: Bodies['survivors']): boolean {
    const hash = hashSurvivors(session, list);
    const survivors = new Set(list.uploads.map(({ pod }) => pod));
    for (const [pod, { line, body }] of this.#signed) {
      if (!survivors.has(pod)) this.#find(line, pod, 'signed, but is not among the survivors');
      if (!equalBytes(body.survivorsHash, hash)) this.#find(line, pod, 'signed another list of survivors');
    }
    for (const [pod, { line, body }] of this.#proofs)
      this.#try(line, pod, () => {
        const quoted = openQuoted(session, 'consistency', body.messages);
        const good = quoted.filter(
          ({ sender, body: said }) => survivors.has(sender) && equalBytes(said.survivorsHash, hash),
        );
        if (good.length < quoted.length) this.#find(line, pod, 'the proof has signatures of another list or pod');
        if (good.length < session.signatures)
          this.#find(line, pod, `the proof has ${good.length} good signatures, ${session.signatures} are needed`);
        for (const { sender, bytes } of quoted)
          if (!equalBytes(bytes, this.#signed.get(sender)?.bytes ?? new Uint8Array(0)))
            this.#find(line, sender, 'the proof quotes a signature that this pod did not send');
      });
    return this.#signed.size >= session.signatures;
  }

  #checkReleased(session: Session, holders: readonly (readonly number[])[], list: Bodies['survivors']): void {
    const survivors = new Set(list.uploads.map(({ pod }) => pod));
    for (const [pod, { line, shares }] of this.#released) {
      if (!this.#proofs.has(pod)) this.#find(line, pod, 'released shares without having been shown the signatures');
      const given = this.#inboxes.get(pod)?.body.entries ?? [];
      if (
        !sameList(
          shares.map(({ of }) => of),
          given.map((entry) => entry.pod),
        )
      )
        this.#find(line, pod, 'released shares of other pods than those whose shares it was given');
      for (const share of shares) {
        if (!holders[share.of]?.includes(pod)) continue;
        const due = survivors.has(share.of) ? 'self' : 'key';
        if (share.kind !== due)
          this.#find(
            line,
            pod,
            `released a ${share.kind} share of ${this.#name(share.of)}, which ${due === 'self' ? 'survived' : 'was lost'}`,
          );
        if (!('share' in share)) continue;
        const entry = given.find((candidate) => candidate.pod === share.of);
        const expected = share.kind === 'self' ? entry?.selfCommitment : entry?.keyCommitment;
        if (!expected || !equalBytes(commitShare(session, share.kind, share.of, pod, share.share), expected))
          this.#find(line, pod, `released another share of ${this.#name(share.of)} than it was dealt`);
      }
    }
    for (const { name, selfShares, keyShares } of this.#pods())
      if (selfShares > 0 && keyShares > 0)
        this.#find(
          null,
          name,
          `the coordinator holds both kinds of shares of it: ${selfShares} self, ${keyShares} key`,
        );
  }

  #outcome(list: Bodies['survivors'] | null): TranscriptReport['outcome'] {
    const last = this.#transcript.entries.findLast((entry) => entry.type === 'outcome');
    if (!last) return 'unfinished';
    if (!last.survivors) return 'failed';
    const line = this.#transcript.entries.indexOf(last) + 2;
    const names = list?.uploads.map(({ pod }) => this.#name(pod)) ?? [];
    if (names.join('\n') !== last.survivors.join('\n'))
      this.#find(line, null, 'the sum is said to be over others than the pods signed for');
    return 'sum';
  }

  #pods(): CheckedPod[] {
    const shares = [...this.#released.values()].flatMap((released) => released.shares);
    return (this.#session?.roster ?? []).map(({ name }, pod) => {
      const count = (kind: 'self' | 'key'): number =>
        shares.filter((share) => share.of === pod && share.kind === kind).length;
      const steps = {
        release: this.#released,
        sign: this.#signed,
        upload: this.#manifests,
        share: this.#shares,
        advertise: this.#adverts,
      };
      const answered = (Object.keys(steps) as (keyof typeof steps)[]).find((step) => steps[step].has(pod)) ?? null;
      return { name, id: this.#ids.get(name)!, answered, selfShares: count('self'), keyShares: count('key') };
    });
  }
}

const PHASES: readonly string[] = ['advertise', 'share', 'upload', 'sign', 'release', 'done', 'failed'];

/** Phase in which a message is sent; null for a complaint, which may come in several. */
const DUE: Readonly<Record<MessageType, string | null>> = {
  advertise: 'advertise',
  roster: 'share',
  shares: 'share',
  inbox: 'upload',
  manifest: 'upload',
  survivors: 'sign',
  consistency: 'sign',
  proof: 'release',
  release: 'release',
  complaint: null,
};

function sameBytes(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((bytes, i) => equalBytes(bytes, b[i]!));
}

/** A report and the name of its file. */
export interface NamedReport {
  readonly file: string;
  readonly report: TranscriptReport;
}

/** What is wrong only when transcripts of one run are seen together, with the file it shows in. */
export function checkTogether(reports: readonly NamedReport[]): { readonly file: string; readonly what: string }[] {
  const found: { file: string; what: string }[] = [];
  const attempts = new Map<string, string>();
  const spent = new Map<string, string>();
  const keys = new Map<string, string>();
  const note = (map: Map<string, string>, key: string, file: string, what: (other: string) => string): void => {
    const other = map.get(key);
    if (other === undefined) map.set(key, file);
    else if (other !== file) found.push({ file, what: what(other) });
  };
  for (const { file, report } of reports) {
    if (!report.session) continue;
    const { runId, round, purpose, attempt } = report.session;
    const sum = JSON.stringify([runId, round, purpose]);
    note(attempts, `${sum} ${attempt}`, file, (other) => `is of the same attempt as ${other}`);
    if (report.isSpent)
      note(spent, sum, file, (other) => `pods were asked for shares a second time for the sum of ${other}`);
    const reused = report.keys.find((key) => keys.has(key));
    if (reused)
      found.push({ file, what: `a pod used a key of ${keys.get(reused)} again: masks under it no longer hide` });
    for (const key of report.keys) keys.set(key, file);
  }
  return found;
}
