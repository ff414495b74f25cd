"""What filters, spectra and receptive fields do, for any module. Numbers first, pictures second."""
