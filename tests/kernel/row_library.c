/* The shared object that the library rows are copies of. */
const char* jet_lab_row(void) { return "ran"; }
