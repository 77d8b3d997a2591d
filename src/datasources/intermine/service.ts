/**
 * The web service of an InterMine server, as far as it is needed to run a template query.
 *
 * Whatever the server says of an error stays here: it may quote what was asked.
 * @source InterMine web services, https://iodocs.apps.intermine.org (templates, model, template/results)
 * @module
 */
import { z } from 'zod';
import { KonsilError } from '../../base/index.ts';
import { httpRequest, shownUrl } from '../http/httpGet.ts';

/** Of one answer: a page of rows, or the model. */
const MAX_ANSWER_BYTES = 64_000_000;

const Text = z.string().max(100_000);
const Template = z.object({
  view: z.array(Text).min(1).max(1_000),
  where: z
    .array(
      z.object({
        path: Text,
        op: Text.optional(),
        value: z.union([Text, z.number(), z.boolean()]).optional(),
        values: z.array(Text).optional(),
        code: Text.optional(),
        extraValue: Text.optional(),
        editable: z.boolean().optional(),
        switched: Text.optional(),
      }),
    )
    .max(100)
    .default([]),
});
/** A query that a server keeps, with values for what may be asked differently. */
export type Template = z.output<typeof Template>;

const Link = z.object({ referencedType: Text });
const Model = z.object({
  classes: z.record(
    z.string(),
    z.object({
      attributes: z.record(z.string(), z.object({ type: Text })).default({}),
      references: z.record(z.string(), Link).default({}),
      collections: z.record(z.string(), Link).default({}),
    }),
  ),
});
/** Classes of the server's data and what they have. */
export type Model = z.output<typeof Model>;

const Templates = z.object({ templates: z.record(z.string(), z.unknown()) });
const Answer = z.object({ wasSuccessful: z.literal(true).optional() });
const Results = z.object({
  views: z.array(Text).optional(),
  results: z.array(z.array(z.union([z.string(), z.number(), z.boolean(), z.null()]))),
});

/** A cell as the server sends it. */
export type ServedCell = string | number | boolean | null;

export class InterMineService {
  /** Where it is, for messages. */
  readonly label: string;
  readonly #url: URL;
  readonly #token: string | undefined;
  readonly #signal: AbortSignal | undefined;

  /** @param token - Secret; sent to this server only. */
  constructor(url: URL, token: string | undefined, signal?: AbortSignal) {
    this.#url = new URL(url.href.replace(/\/*$/, '/'));
    this.label = shownUrl(url);
    this.#token = token;
    this.#signal = signal;
  }

  /** @throws KonsilError DATA_INVALID when there is no such template, or none that this token may use. */
  async template(name: string): Promise<Template> {
    const { templates } = await this.#ask('templates?format=json', Templates);
    if (!Object.hasOwn(templates, name))
      throw new KonsilError('DATA_INVALID', `${this.label} has no template "${name}" that this token may use`);
    return this.#checked(Template, templates[name], 'templates');
  }

  async model(): Promise<Model> {
    return (await this.#ask('model?format=json', z.object({ model: Model }))).model;
  }

  /** Rows `start` to `start + size - 1` of the template, a cell a view. */
  async rows(name: string, template: Template, start: number, size: number): Promise<readonly ServedCell[][]> {
    const form = new URLSearchParams({ name, format: 'json', start: String(start), size: String(size) });
    const asked = template.where.filter(({ editable = true, switched }) => editable && switched !== 'OFF');
    for (const [i, { path, op, value, values, code, extraValue }] of asked.entries()) {
      const n = i + 1;
      form.set(`constraint${n}`, path);
      if (op !== undefined) form.set(`op${n}`, op);
      for (const each of values ?? (value === undefined ? [] : [value])) form.append(`value${n}`, String(each));
      if (code !== undefined) form.set(`code${n}`, code);
      if (extraValue !== undefined) form.set(`extra${n}`, extraValue);
    }
    const { results } = await this.#ask('template/results', Results, form);
    if (results.length > size)
      throw new KonsilError('DATA_INVALID', `${this.label} sends ${results.length} rows; expected at most ${size}`);
    if (results.some((row) => row.length !== template.view.length))
      throw new KonsilError('DATA_INVALID', `${this.label} sends rows of other than ${template.view.length} cells`);
    return results;
  }

  async #ask<S extends z.ZodType>(path: string, schema: S, form?: URLSearchParams): Promise<z.output<S>> {
    const answer = await httpRequest(new URL(path, this.#url), {
      headers: {
        accept: 'application/json',
        ...(this.#token !== undefined && { authorization: `Token ${this.#token}` }),
      },
      ...(form && { form }),
      signal: this.#signal,
    });
    const parts: Uint8Array[] = [];
    let bytes = 0;
    try {
      const { status } = answer;
      if (status === 401 || status === 403)
        throw new KonsilError('DATA_UNREACHABLE', `${this.label} refuses the token (${status})`, { status });
      if (status !== 200)
        throw new KonsilError('DATA_UNREACHABLE', `${this.label} answers ${status}; expected 200`, { status });
      for await (const part of answer.body) {
        bytes += part.length;
        if (bytes > MAX_ANSWER_BYTES)
          throw new KonsilError('DATA_UNSUPPORTED', `${this.label} sends more than ${MAX_ANSWER_BYTES} bytes at once`);
        parts.push(part);
      }
    } finally {
      answer.stop();
    }
    let json: unknown;
    try {
      json = JSON.parse(Buffer.concat(parts).toString('utf8'));
    } catch {
      throw new KonsilError('DATA_INVALID', `${this.label} sends no JSON, or not all of it (${path.split('?')[0]})`);
    }
    this.#checked(Answer, json, path);
    return this.#checked(schema, json, path);
  }

  /** Only the path of what is wrong is told, never what stands there. */
  #checked<S extends z.ZodType>(schema: S, json: unknown, path: string): z.output<S> {
    const parsed = schema.safeParse(json);
    if (parsed.success) return parsed.data;
    throw new KonsilError(
      'DATA_INVALID',
      `${this.label} does not answer as an InterMine server (${path.split('?')[0]})`,
    );
  }
}
