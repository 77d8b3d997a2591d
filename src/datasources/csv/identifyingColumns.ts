/**
 * Names of columns that say that they hold what identifies a person, in English and German.
 *
 * Deliberately short: a name must say it outright. Record numbers of a study (`id`, `pid`), age and sex are no such
 * names; whether their combination identifies somebody is for the site to judge.
 * @source HIPAA safe harbor, 45 CFR 164.514(b)(2)(i), less what is not one column's name.
 * @module
 */

/** Words, or runs of up to four words, joined; umlauts as ae, oe, ue, ss. */
const IDENTIFYING: ReadonlySet<string> = new Set([
  // names
  ...['surname', 'lastname', 'firstname', 'forename', 'middlename', 'familyname', 'givenname', 'maidenname'],
  ...['fullname', 'birthname', 'nickname', 'patientname', 'patientsname', 'subjectname', 'personname', 'initials'],
  ...['mothername', 'mothersname', 'fathername', 'fathersname', 'nameofpatient', 'physicianname', 'doctorname'],
  ...['nachname', 'vorname', 'vornamen', 'familienname', 'geburtsname', 'rufname', 'patientenname', 'hausarzt'],
  ...['namedespatienten', 'namederpatientin', 'initialen'],
  // numbers
  ...['mrn', 'medicalrecord', 'medicalrecordnumber', 'hospitalnumber', 'chartnumber', 'nhs', 'nhsnumber', 'nhsno'],
  ...['chinumber', 'ssn', 'socialsecurity', 'nino', 'nationalinsurance', 'nationalid', 'insurancenumber'],
  ...['insuranceno', 'insuranceid', 'policynumber', 'passport', 'passportnumber', 'driverlicense', 'driverslicense'],
  ...['driverlicence', 'driverslicence', 'licenseplate', 'medicareid', 'medicarenumber', 'medicaidnumber', 'iban'],
  ...['versichertennummer', 'versichertennr', 'krankenversichertennummer', 'krankenversicherungsnummer', 'kvnr'],
  ...['sozialversicherungsnummer', 'rentenversicherungsnummer', 'svnr', 'versicherungsnummer', 'steuernummer'],
  ...['personalausweis', 'ausweisnummer', 'reisepass', 'krankenaktennummer', 'patientennummer'],
  // where to find somebody
  ...['email', 'emailaddress', 'mail', 'phone', 'telephone', 'phonenumber', 'cellphone', 'mobilenumber', 'fax'],
  ...['address', 'street', 'streetname', 'postcode', 'postalcode', 'zip', 'zipcode', 'ipaddress', 'url'],
  ...['adresse', 'anschrift', 'strasse', 'hausnummer', 'plz', 'postleitzahl', 'wohnort', 'telefon'],
  ...['telefonnummer', 'telefonnr', 'handynummer', 'mobilnummer', 'mobiltelefon', 'handy', 'emailadresse'],
  // birth
  ...['dob', 'birthdate', 'birthday', 'dateofbirth', 'dayofbirth', 'geburtsdatum', 'gebdatum', 'geburtstag'],
  ...['gebdat', 'datumdergeburt'],
]);
/** Only when they are the whole name: `drug_name` names no person. */
const WHOLE: ReadonlySet<string> = new Set(['name', 'names', 'namen']);
const LONGEST_RUN = 4;

/** Whether the column's name says that it identifies a person. */
export function isIdentifyingName(name: string): boolean {
  const words = wordsOf(name.slice(0, 1_000));
  if (WHOLE.has(words.join(''))) return true;
  return words.some((_, from) =>
    Array.from({ length: LONGEST_RUN }, (_, i) => words.slice(from, from + i + 1).join('')).some((run) =>
      IDENTIFYING.has(run),
    ),
  );
}

/** `Patient_Birth-Date2` and `patientBirthDate` give patient, birth, date. */
function wordsOf(name: string): string[] {
  return name
    .normalize('NFC')
    .replace(/(?<=[\p{Ll}\d])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu, ' ')
    .toLowerCase()
    .replace(/[äöü]/g, (letter) => ({ ä: 'ae', ö: 'oe', ü: 'ue' })[letter]!)
    .replaceAll('ß', 'ss')
    .replace(/['’]/g, '') // patient's name
    .split(/[^\p{L}]+/u)
    .filter((word) => word !== '');
}
