/**
 * Columns of a CDM that nobody sees unless the site names them: what the source system wrote, free text, births, and who
 * and where.
 * @source HIPAA safe harbor, 45 CFR 164.514(b)(2)(i); OMOP CDM v5.4, conventions of the tables.
 * @module
 */
import { isIdentifyingName } from '../csv/identifyingColumns.ts';

/** In any table. */
const ANYWHERE =
  /_source_value$|_source_id$|^(?:birth_datetime|(?:month|day)_of_birth|time_of_birth|npi|dea|sig|lot_number|unique_device_id|production_id)$/;

/** All columns but keys, codes and dates of these tables are words, names or places. */
const WORDS: Readonly<Record<string, RegExp>> = {
  note: /^note_(?:title|text)$/,
  note_nlp: /^(?:snippet|offset|lexical_variant|term_.*)$/,
  observation: /^value_as_string$/,
  provider: /^(?:provider_name|year_of_birth)$/,
  care_site: /^care_site_name$/,
  // a state and a country have many people; a city may have few
  location: /^(?:address_.*|city|zip|county|latitude|longitude)$/,
  organization: /name$/,
  metadata: /^value_as_string$/,
  condition_occurrence: /^stop_reason$/,
  drug_exposure: /^stop_reason$/,
};

/** Whether the column may identify somebody. */
export function isHidden(table: string, column: string): boolean {
  return ANYWHERE.test(column) || WORDS[table]?.test(column) === true || isIdentifyingName(column);
}
