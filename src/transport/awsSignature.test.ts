import { describe, expect, it } from 'vitest';
import { amzDate, authorization, encodePath, sha256Hex } from './awsSignature.ts';

const EMPTY = sha256Hex('');

describe('AWS Signature Version 4', () => {
  it('gives the signature of get-vanilla in the published test suite', () => {
    const headers = { host: 'example.amazonaws.com', 'x-amz-date': '20150830T123600Z' };
    const key = {
      ...{ accessKey: 'AKIDEXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
      ...{ region: 'us-east-1', service: 'service' },
    };
    expect(authorization({ method: 'GET', path: '/', headers, payloadHash: EMPTY }, key)).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, ' +
        'Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    );
  });

  // the two examples of the Amazon S3 API reference that have no query
  const S3 = {
    ...{ accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
    ...{ region: 'us-east-1', service: 's3' },
  };
  const host = 'examplebucket.s3.amazonaws.com';
  const date = '20130524T000000Z';

  it('gives the signature of the documented GET with a range', () => {
    const headers = { host, range: 'bytes=0-9', 'x-amz-content-sha256': EMPTY, 'x-amz-date': date };
    expect(authorization({ method: 'GET', path: '/test.txt', headers, payloadHash: EMPTY }, S3)).toMatch(
      /Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41$/,
    );
  });

  it('gives the signature of the documented PUT, whose path needs encoding', () => {
    const payloadHash = sha256Hex('Welcome to Amazon S3.');
    const headers = {
      ...{ host, date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-content-sha256': payloadHash, 'x-amz-date': date },
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    };
    const path = encodePath('/test$file.text');
    expect(path).toBe('/test%24file.text');
    expect(authorization({ method: 'PUT', path, headers, payloadHash }, S3)).toMatch(
      /Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd$/,
    );
  });

  it('writes times as S3 reads them', () => {
    expect(amzDate(new Date('2013-05-24T00:00:00.123Z'))).toBe(date);
  });
});
