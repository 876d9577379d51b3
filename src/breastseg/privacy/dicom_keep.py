"""Which attributes of a DICOM slide stay, and what becomes of each.

A list of what stays does more than the Basic Application Level Confidentiality Profile asks (DICOM
PS3.15, table E.1-1, a list of what goes): what the standard does not name, and all private
attributes, go too. No attribute stays as it is that the profile removes, empties or replaces.
"""

KEEP = frozenset(
    (
        "SOPClassUID",
        "ReferencedSOPClassUID",
        "Modality",
        "ImageType",
        "FrameType",
        "VolumetricProperties",
        "VolumeBasedCalculationTechnique",
        "InstanceNumber",
        "InConcatenationNumber",
        "InConcatenationTotalNumber",
        "ConcatenationFrameOffsetNumber",
        "DimensionOrganizationType",
        "DimensionIndexPointer",
        "FunctionalGroupPointer",
        "DimensionIndexValues",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "PlanarConfiguration",
        "NumberOfFrames",
        "FrameIncrementPointer",
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "LossyImageCompression",
        "LossyImageCompressionRatio",
        "LossyImageCompressionMethod",
        "PresentationLUTShape",
        "RescaleIntercept",
        "RescaleSlope",
        "BurnedInAnnotation",
        "SpecimenLabelInImage",
        "FocusMethod",
        "ExtendedDepthOfField",
        "NumberOfFocalPlanes",
        "DistanceBetweenFocalPlanes",
        "RepresentativeFrameNumber",
        "ImagedVolumeWidth",
        "ImagedVolumeHeight",
        "ImagedVolumeDepth",
        "TotalPixelMatrixColumns",
        "TotalPixelMatrixRows",
        "TotalPixelMatrixFocalPlanes",
        "NumberOfOpticalPaths",
        "ImageOrientationSlide",
        "XOffsetInSlideCoordinateSystem",
        "YOffsetInSlideCoordinateSystem",
        "ZOffsetInSlideCoordinateSystem",
        "ColumnPositionInTotalImagePixelMatrix",
        "RowPositionInTotalImagePixelMatrix",
        "PixelSpacing",
        "SliceThickness",
        "SpacingBetweenSlices",
        "ObjectiveLensPower",
        "ObjectiveLensNumericalAperture",
        "CondenserLensPower",
        "IlluminationWaveLength",
        "ICCProfile",
        "ColorSpace",
        "RedPaletteColorLookupTableDescriptor",
        "GreenPaletteColorLookupTableDescriptor",
        "BluePaletteColorLookupTableDescriptor",
        "RedPaletteColorLookupTableData",
        "GreenPaletteColorLookupTableData",
        "BluePaletteColorLookupTableData",
        "ExtendedOffsetTable",
        "ExtendedOffsetTableLengths",
    )
)
"""Numbers, codes of the standard's own and colour: how the pixels are stored and where they lie."""

SEQUENCES = frozenset(
    (
        "DimensionOrganizationSequence",
        "DimensionIndexSequence",
        "TotalPixelMatrixOriginSequence",
        "OpticalPathSequence",
        "IlluminationTypeCodeSequence",
        "IlluminationColorCodeSequence",
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
        "PixelMeasuresSequence",
        "WholeSlideMicroscopyImageFrameTypeSequence",
        "OpticalPathIdentificationSequence",
        "FrameContentSequence",
        "PlanePositionSlideSequence",
        "PixelValueTransformationSequence",
    )
)
"""Sequences that stay; what is in them is looked at in the same way."""

CODES = frozenset(("CodeValue", "CodingSchemeDesignator", "CodeMeaning"))
"""Stay together, where the standard's own tables know the code; else the item goes."""

NEW_UIDS = frozenset(
    (
        "SOPInstanceUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "FrameOfReferenceUID",
        "DimensionOrganizationUID",
        "ConcatenationUID",
        "SOPInstanceUIDOfConcatenationSource",
        "PyramidUID",
        "PaletteColorLookupTableUID",
    )
)
"""Replaced, the same by the same (U in the profile's table)."""

EMPTIED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Must be there by the standard and may be empty (Z)."""

DUMMIES = {
    "ContentDate": "19000101",
    "ContentTime": "000000",
    "AcquisitionDateTime": "19000101000000",
    "ContainerIdentifier": "1",
    "PositionReferenceIndicator": "SLIDE_CORNER",
    "Manufacturer": "removed",
    "ManufacturerModelName": "removed",
    "DeviceSerialNumber": "removed",
    "SoftwareVersions": "removed",
}
"""Must have a value by the standard; where they were, they have this one (D)."""

VR_KINDS = {
    "AE": "name of a computer",
    "AS": "age",
    "DA": "date",
    "DT": "date and time",
    "TM": "time",
    "PN": "name of a person",
    "UI": "identifier",
    "UR": "address",
    "SH": "text",
    "LO": "text",
    "LT": "text",
    "ST": "text",
    "UT": "text",
    "UC": "text",
    "SQ": "several values",
    "CS": "code",
    "OB": "bytes",
    "OW": "bytes",
    "UN": "unknown",
}
"""What kind of value is behind a value representation; others are numbers."""
