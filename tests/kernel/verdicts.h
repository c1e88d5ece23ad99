// What jet-appraise says about the rows of the matrix.
#ifndef JET_TESTS_KERNEL_VERDICTS_H_
#define JET_TESTS_KERNEL_VERDICTS_H_

#include <map>
#include <string>
#include <vector>

#include "tests/kernel/rows.h"
#include "tests/kernel/workshop.h"

namespace jet::kernel {

struct Verdict {
  std::string verdict;
  std::string cause;  // "kernel_cause"; empty for null
  bool warned = false;
};

// By file name; a file that jet-appraise does not mention is absent.
using Verdicts = std::map<std::string, Verdict>;

// Appraises files on the host. They trust the certificates, or the keystore when there are none.
// JET_LAB_APPRAISE_BIN names another jet to ask.
Verdicts AppraiseFiles(const Workshop& workshop, const Paths& files,
                       const std::vector<std::string>& certificates);

// What `jet appraise --json` printed.
Verdicts ReadVerdicts(const std::string& lines);

// Appraises every row but those of Comparison::kVerityRule, with one run for each set of trusted
// certificates; `certificates` are for rows that name none.
Verdicts AppraiseRows(const Workshop& workshop, const std::vector<Row>& rows,
                      const std::vector<std::string>& certificates);

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_VERDICTS_H_
