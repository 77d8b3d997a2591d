/**
 * Columns of DICOM files that identify nobody: what the image is, how it was made, how large it is.
 * @module
 */

/**
 * An allow-list: dates, ages, sexes, identifiers, descriptions in free text and all that is not named here stay hidden.
 * @source DICOM PS3.15 Table E.1-1 removes or replaces none of these.
 */
export const OPEN_COLUMNS: ReadonlySet<string> = new Set([
  ...['SOPClassUID', 'TransferSyntaxUID', 'Modality', 'ImageType', 'Manufacturer', 'ManufacturerModelName'],
  // the image
  ...['Rows', 'Columns', 'NumberOfFrames', 'SamplesPerPixel', 'PhotometricInterpretation', 'PlanarConfiguration'],
  ...['BitsAllocated', 'BitsStored', 'HighBit', 'PixelRepresentation', 'PixelPaddingValue', 'PixelPaddingRangeLimit'],
  ...['RescaleIntercept', 'RescaleSlope', 'RescaleType', 'WindowCenter', 'WindowWidth', 'VOILUTFunction'],
  ...['PresentationLUTShape', 'PixelIntensityRelationship', 'PixelIntensityRelationshipSign', 'Units'],
  ...['LossyImageCompression', 'LossyImageCompressionRatio', 'LossyImageCompressionMethod', 'BurnedInAnnotation'],
  ...['PatientIdentityRemoved', 'QualityControlImage'],
  // its geometry
  ...['PixelSpacing', 'ImagerPixelSpacing', 'NominalScannedPixelSpacing', 'PixelAspectRatio', 'SliceThickness'],
  ...[
    'SpacingBetweenSlices',
    'ImageOrientationPatient',
    'ImagePositionPatient',
    'PatientPosition',
    'PatientOrientation',
  ],
  ...['ReconstructionDiameter', 'FieldOfViewShape', 'FieldOfViewDimensions'],
  // the body part
  ...['BodyPartExamined', 'Laterality', 'ImageLaterality', 'FrameLaterality', 'ViewPosition'],
  // computed tomography and X-rays
  ...[
    'KVP',
    'XRayTubeCurrent',
    'ExposureTime',
    'Exposure',
    'ConvolutionKernel',
    'GantryDetectorTilt',
    'SpiralPitchFactor',
  ],
  ...['DistanceSourceToDetector', 'DistanceSourceToPatient', 'FilterType', 'FocalSpots', 'Grid', 'AnodeTargetMaterial'],
  ...['CompressionForce', 'BodyPartThickness', 'PositionerPrimaryAngle', 'PositionerSecondaryAngle', 'CTDIvol'],
  // magnetic resonance
  ...['ScanningSequence', 'SequenceVariant', 'ScanOptions', 'MRAcquisitionType', 'RepetitionTime', 'EchoTime'],
  ...['InversionTime', 'FlipAngle', 'EchoTrainLength', 'EchoNumbers', 'NumberOfAverages', 'MagneticFieldStrength'],
  ...['ImagingFrequency', 'PixelBandwidth', 'PercentSampling', 'PercentPhaseFieldOfView', 'AcquisitionMatrix'],
  ...['InPlanePhaseEncodingDirection', 'DiffusionBValue'],
  // ophthalmic
  ...['AxialLengthOfTheEye', 'HorizontalFieldOfView', 'DepthSpatialResolution', 'AlongScanSpatialResolution'],
  ...['AcrossScanSpatialResolution', 'MaximumDepthDistortion', 'PupilDilated'],
  // ultrasound
  ...['TransducerFrequency', 'MechanicalIndex', 'DepthOfScanField', 'FrameTime', 'CineRate'],
]);
