/**
 * Keys that all kinds of task files share: who is asked, by whom, over which broker, how long to wait.
 * @module
 */
import { z } from 'zod';
import { blobStore } from './blobStore.ts';
import { onlyFalse, refused, seconds, text } from './keys.ts';

/** `konsil.broker`, and `broker` of a pod. */
export const broker = z.strictObject({
  url: z
    .string()
    .regex(
      /^(mqtts?|wss?):\/\/[^\s/]+/,
      'expected an address such as mqtt://127.0.0.1:1883 or mqtts://broker.example:8883',
    )
    .meta({ description: 'mqtt://, mqtts:// (TLS), ws:// or wss://' }),
  username: text.optional(),
  password_file: text.optional().meta({ description: 'File that holds the password and nothing else.' }),
  password: refused('write the password to a file and name it in password_file'),
  ca_file: text.optional().meta({ description: 'Certificate authority of the broker (PEM).' }),
});

const noHub = 'there is no hub; pods are found through the broker (konsil.broker)';
const noOidc = 'Konsil knows a modeller by its key; expected key-based';
/** The platform's app fills in an item that is left empty; here nobody does. */
const podName = z
  .string({
    error: ({ input }) =>
      input === null ? 'is empty; name the pods to ask here, each as pod or pod/dataset' : undefined,
  })
  .min(1, 'is empty; name the pods to ask here, each as pod or pod/dataset')
  .max(1000);

/** Beside `task` in every task file. */
export const commonKeys = {
  pods: z
    .strictObject({
      identifiers: z.array(podName).min(1).max(10_000),
      late_join: z.boolean().optional().meta({
        description: 'Whether pods that were not there when the run began may join at a later round. Default false.',
      }),
    })
    .meta({ description: 'Who is asked to take part.' }),
  modeller: z
    .strictObject({
      username: text.optional().meta({ description: 'Name shown to the pods.' }),
      identity_verification_method: z.literal('key-based', { error: noOidc }).optional(),
      private_key_file: refused('the key lies in the folder konsil.identity'),
    })
    .optional(),
  konsil: z
    .strictObject({
      broker: broker.optional(),
      blob_store: blobStore.optional(),
      identity: text.optional().meta({ description: 'Folder of the modeller’s key. Default ./keys/modeller.' }),
      models: text.optional().meta({ description: 'Folder of the model store. Default ~/.konsil/models.' }),
      runs: text.optional().meta({ description: 'Folder for results. Default ./runs.' }),
    })
    .optional()
    .meta({ description: 'Settings of the modeller’s own machine; never sent to pods.' }),
  version: z
    .string()
    .regex(/^1\.\d+(\.\d+)?$/, 'expected a version 1.x.y of the task language, in quotes')
    .optional(),
  enable_anonymized_tracker_upload: onlyFalse('nothing is uploaded; only false is possible'),
  project_id: refused(noHub),
  // a file's own is filled in, and removed, before the file is validated
  template: refused('only a task file has a template; what is sent has its values'),
  secrets: refused('secrets do not belong in a task file'),
  hub: refused(noHub),
  message_service: refused('use konsil.broker'),
};

/** `task.deadlines`. */
export const deadlines = z
  .strictObject({
    join: seconds.default(60).meta({ description: 'For pods to accept the task.' }),
    train: seconds.default(600).meta({ description: 'For local training in a round.' }),
    exchange: seconds.default(60).meta({ description: 'For each step of the secure aggregation, and for an upload.' }),
    evaluate: seconds.default(300).meta({ description: 'For evaluation and for statistics of the data.' }),
  })
  .optional()
  .meta({ description: 'Seconds the coordinator waits in each phase; who is later is left out of that round.' });
