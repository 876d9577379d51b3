"""Maps as DICOM beside a DICOM slide: regions, measures and the label image; highdicom writes."""
