/**
 * `policy.intersection` of a pod file: whose lists of people are compared, and what may come of it.
 * @module
 */
import { z } from 'zod';
import { text } from './keys.ts';

/** Longest list, as the protocol has it. */
const MAX_LIST = 1 << 20;

/** What an intersection may tell. */
export const INTERSECTION_KINDS = ['cardinality', 'intersection', 'row_filter'] as const;
export type IntersectionKind = (typeof INTERSECTION_KINDS)[number];

export const intersectionFile = z.strictObject({
  kinds: z.array(z.enum(INTERSECTION_KINDS)).min(1).default(['cardinality']).meta({
    description:
      'cardinality: modellers learn how many of their list are here. intersection: they learn who. row_filter: they learn neither, and may train on the rows of these people. Default cardinality.',
  }),
  columns: z.array(text).min(1).max(100).meta({
    description: 'Columns by which people may be found. The pod reads them for itself: tasks need not see them.',
  }),
  maximum_list: z.int().min(1).max(MAX_LIST).default(100_000).meta({ description: 'Longest list that is compared.' }),
  maximum_lists: z.int().min(1).max(1_000_000).default(10).meta({
    description: 'Lists that one modeller may have compared, in all.',
  }),
  pad_to: z.int().min(1).max(MAX_LIST).optional().meta({
    description: 'Hides how many people are here: the pod’s list is filled up to so many.',
  }),
  with_pods: z.array(text).max(1_000).default([]).meta({
    description:
      'Pods whose lists are compared with this one’s, by key fingerprint: a name is believed the first time it is heard. Default: none.',
  }),
  row_filter: z
    .strictObject({
      minimum_people: z.int().min(2).max(1_000_000).default(20).meta({
        description:
          'Least people by which a selection differs from nobody, from everybody and from earlier selections; for each one the pod draws a number between this and twice as many. Default 20.',
      }),
      keep_days: z.int().min(1).max(3_650).default(30).meta({
        description: 'Days for which tasks may train on a selection. Default 30.',
      }),
    })
    .optional()
    .meta({ description: 'Rules of kind row_filter.' }),
});

/** Selections of rows to train on. */
export interface RowFilterPolicy {
  readonly minimumPeople: number;
  readonly keepDays: number;
}

/** Whose lists of people are compared, and how. */
export interface IntersectionPolicy {
  readonly kinds: readonly IntersectionKind[];
  /** By which people may be found. */
  readonly columns: readonly string[];
  readonly maximumList: number;
  /** Of one modeller, in all. */
  readonly maximumLists: number;
  /** Hides the length of the pod's own list. */
  readonly padTo?: number;
  /** Fingerprints of pods whose lists are compared with this one's. */
  readonly withPods: readonly string[];
  readonly rowFilter: RowFilterPolicy;
}

export function intersectionOf(file: z.output<typeof intersectionFile>): IntersectionPolicy {
  return {
    kinds: file.kinds,
    columns: file.columns,
    maximumList: file.maximum_list,
    maximumLists: file.maximum_lists,
    ...(file.pad_to !== undefined && { padTo: file.pad_to }),
    withPods: file.with_pods,
    rowFilter: {
      minimumPeople: file.row_filter?.minimum_people ?? 20,
      keepDays: file.row_filter?.keep_days ?? 30,
    },
  };
}
