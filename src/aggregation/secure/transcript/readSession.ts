/**
 * The session of a transcript, opened from its own first line.
 * @module
 */
import { toHex } from '../../../base/index.ts';
import { importPublic, type PublicIdentity } from '../../../crypto/index.ts';
import { openSession, type Session } from '../context.ts';
import { hashPublicParameters } from '../publicParameters.ts';
import type { Findings } from './findings.ts';
import type { TranscriptSession } from './lines.ts';

/** A session and who its keys belong to. */
export interface ReadSession {
  readonly session: Session;
  readonly coordinator: PublicIdentity;
  /** In the order of the session's roster. */
  readonly pods: readonly PublicIdentity[];
}

const bytesOfHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

/** Thresholds and context hashes are computed from the parameters. @returns null when no session can have these. */
export function readSession(said: TranscriptSession, findings: Findings): ReadSession | null {
  let read: ReadSession | null = null;
  findings.guard(1, null, () => {
    read = open(said);
  });
  const opened = read as ReadSession | null;
  if (opened && (toHex(opened.session.base) !== said.base || toHex(opened.session.ctx) !== said.ctx))
    findings.add(1, null, 'its context hashes are not those of its parameters');
  return opened;
}

function open(said: TranscriptSession): ReadSession {
  const { runId, round, attempt, purpose, minimum, shape, wireBytes, agreed } = said;
  const { graph, colluding, dropouts } = said.assumptions;
  const coordinator = importPublic(said.coordinator);
  const publics = new Map(said.roster.map(({ name, public: line }) => [name, importPublic(line)]));
  const session = openSession({
    ...{ runId, round, attempt, purpose, minimum, shape, wireBytes },
    roster: said.roster.map(({ name }) => ({ name, publicKey: publics.get(name)!.signing })),
    coordinator: coordinator.signing,
    assumptions: {
      ...(graph !== undefined && { graph }),
      ...(colluding !== undefined && { colluding }),
      ...(dropouts !== undefined && { dropouts }),
    },
    commitments: new Map(
      said.roster.flatMap(({ name, commitment }) => (commitment ? [[name, bytesOfHex(commitment)]] : [])),
    ),
    publicHash: hashPublicParameters({
      ...{ task: agreed.task, modelId: agreed.model, parametersId: agreed.parameters },
      ...{ mean: agreed.mean, scale: agreed.scale, specHash: bytesOfHex(agreed.layout) },
    }),
  });
  return { session, coordinator, pods: session.roster.map(({ name }) => publics.get(name)!) };
}
