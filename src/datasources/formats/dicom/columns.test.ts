/**
 * Columns and patients of DICOM files that the tests write.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../../test/fixtures/dicom/fixtures.ts';
import { SYNTAX, type Tags, writeDicom } from '../../../../test/support/dicomWriter.ts';
import { characterSetOf, decodeText } from './characterSet.ts';
import { DataSet } from './dataSet.ts';
import { openDicom } from './dicomFile.ts';
import { dicomFormat, readDicom } from './dicomFormat.ts';

const columnsOf = (tags: Tags) => readDicom(writeDicom({ tags }), 'a.dcm').columns;

describe('cells', () => {
  it('are numbers, texts, days, or nothing, in every encoding', () => {
    const tags: Tags = {
      ...{ KVP: '120.5', SeriesNumber: '7', ImageType: ['ORIGINAL', 'PRIMARY'], PixelSpacing: ['0.50', '1e-1'] },
      ...{ StudyDate: '20240229', SeriesDate: '20230229', AcquisitionDate: '2001.02.03', ContentDate: 'unknown' },
      ...{
        StudyTime: '101530.25',
        PatientAge: '045Y',
        PatientComments: 'a\\b',
        PatientSize: '',
        SliceThickness: 'thin',
      },
      ...{ SmallestImagePixelValue: 65535, RecommendedDisplayFrameRateInFloat: 2.5, ExposureTime: '+3' },
      ...{ WindowCenter: ['1', '1e999', '2'], EchoTime: '1e999' },
    };
    for (const syntax of ['implicit', 'explicit', 'deflated', 'bigEndian'] as const) {
      const bytes = writeDicom({ tags, transferSyntax: SYNTAX[syntax] });
      expect(readDicom(bytes, 'a.dcm').columns, syntax).toMatchObject({
        ...{ KVP: 120.5, SeriesNumber: 7, ImageType: 'ORIGINAL\\PRIMARY', PixelSpacing: '0.5\\0.1' },
        ...{ StudyDate: '2024-02-29', SeriesDate: '20230229', AcquisitionDate: '2001-02-03', ContentDate: 'unknown' },
        ...{
          StudyTime: '101530.25',
          PatientAge: '045Y',
          PatientComments: 'a\\b',
          PatientSize: null,
          SliceThickness: null,
        },
        ...{ SmallestImagePixelValue: 65535, RecommendedDisplayFrameRateInFloat: 2.5, ExposureTime: 3 },
        ...{ WindowCenter: '1\\\\2', EchoTime: null },
      });
    }
  });

  it('end at the first NUL and hold no control characters', () => {
    const name = Uint8Array.from(Buffer.from('Doe^\x07Jane\0junk\x1b[2J ', 'latin1'));
    expect(columnsOf({ PatientName: name, StationName: ' \x01 ' })).toMatchObject({
      PatientName: 'Doe^ Jane',
      StationName: null,
    });
  });

  it('of either sign have that of the pixels', () => {
    for (const syntax of ['implicit', 'explicit', 'bigEndian'] as const)
      for (const [PixelRepresentation, value] of [
        [1, -2000],
        [0, 63536],
      ] as const) {
        const file = { transferSyntax: SYNTAX[syntax], tags: { PixelRepresentation, PixelPaddingValue: value } };
        expect(readDicom(writeDicom(file), 'a.dcm').columns.PixelPaddingValue).toBe(value);
      }
  });

  it('of long values are cut: they are for tables', () => {
    const tags: Tags = {
      ...{ PatientComments: 'x'.repeat(1 << 22), TextValue: 'y'.repeat(1 << 22) },
      ...{ SimpleFrameList: Array.from({ length: 1 << 14 }, () => 7) },
    };
    const bytes = writeDicom({ tags, transferSyntax: SYNTAX.implicit });
    const { columns } = readDicom(bytes, 'a.dcm');
    expect(columns.PatientComments).toBe('x'.repeat(1 << 16));
    expect(columns.TextValue).toBe('y'.repeat(1 << 16));
    expect(String(columns.SimpleFrameList)).toHaveLength(2 * 4096 - 1);
  });

  it('leave out bytes, sequences and private attributes', () => {
    const columns = columnsOf({
      ...{ ReferencedImageSequence: [{ ReferencedSOPInstanceUID: '1.2' }], EncapsulatedDocument: new Uint8Array(8) },
      ...{ '00091010LO': 'private', '00090010LO': 'OWNER' },
    });
    expect(Object.keys(columns).sort()).toEqual([
      ...['MediaStorageSOPClassUID', 'Modality', 'NumberOfFrames'],
      ...['SOPClassUID', 'SOPInstanceUID', 'TransferSyntaxUID'],
    ]);
  });
});

describe('patients', () => {
  it.each<readonly [Tags, string | undefined]>([
    [{ PatientID: ' 17 ', IssuerOfPatientID: 'HOSP' }, 'HOSP|17'],
    [{ PatientID: '17', PatientName: 'A^B' }, '|17'],
    [{ PatientID: '', PatientName: 'A^B', PatientBirthDate: '19500102' }, 'A^B|19500102'],
    [{ PatientBirthDate: '19500102' }, undefined],
  ])('%o', (tags, patient) => {
    expect(readDicom(writeDicom({ tags }), 'a.dcm').patient).toBe(patient);
  });
});

describe('character sets', () => {
  it('of items are their own, or those around them', () => {
    for (const name of ['chrSQEncoding.dcm', 'chrSQEncoding1.dcm']) {
      const file = openDicom(fixture(`charset/${name}`), name);
      const dataSet = new DataSet(file.bytes, file.elements, file.encoding, name);
      // RequestedProcedureCodeSequence
      expect(dataSet.items('x00321064')[0]!.text('x00100010'), name).toBe('ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう');
    }
  });

  it('take common misspellings, and Latin 1 where there is none', () => {
    const latin = Uint8Array.of(0x4a, 0xe9);
    for (const term of ['ISO_IR 100', 'ISO IR 100', 'ISO-IR 100', 'iso_ir 100', '', 'nonsense'])
      expect(decodeText(latin, characterSetOf([term]), false), term).toBe('Jé');
    const utf8 = new TextEncoder().encode('é中');
    for (const term of ['ISO_IR 192', 'UTF-8', 'UTF8'])
      expect(decodeText(utf8, characterSetOf([term]), false)).toBe('é中');
    expect(decodeText(Uint8Array.of(0xd6, 0xd0, 0x5c), characterSetOf(['GB18030']), false)).toBe('中\\');
  });

  it('do not part a text within a character of two bytes', () => {
    // the second byte of this one is that of a backslash
    const name = Uint8Array.from([0x81, 0x5c]);
    expect(columnsOf({ SpecificCharacterSet: 'GBK', PatientName: name }).PatientName).toBe('乗');
  });

  it('go back to the first after a delimiter, and survive escapes that lead nowhere', () => {
    const set = characterSetOf(['', 'ISO 2022 IR 87']);
    const bytes = (...parts: (string | number[])[]): Uint8Array =>
      Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : part)));
    expect(decodeText(bytes('\x1b$B', [0x3b, 0x33], '\x1b(B^B'), set, true)).toBe('山^B');
    for (const broken of ['\x1b', '\x1b$', '\x1b$(', 'a\x1b\x1b\x1b', '\x1b$B!', '\x1b$)Z\xff\xfe'])
      expect(typeof decodeText(bytes(broken), set, true)).toBe('string');
  });
});

describe('open columns', () => {
  it('are columns of the standard, and none that names a person, a place or a day', () => {
    for (const name of dicomFormat.openColumns)
      expect(name).not.toMatch(
        /Patient(Name|ID|Birth|Sex|Age|Size|Weight|Address)|Date|Institution|Physician|Operator|Station|Serial|Description|Comments|Accession|InstanceUID|StudyID/,
      );
    expect([...dicomFormat.openColumns].filter((name) => /\W/.test(name))).toEqual([]);
  });
});
