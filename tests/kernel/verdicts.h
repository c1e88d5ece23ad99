// What jet-appraise says about the rows of the matrix.
#ifndef JET_TESTS_KERNEL_VERDICTS_H_
#define JET_TESTS_KERNEL_VERDICTS_H_

#include <map>
#include <string>
#include <vector>

#include "tests/kernel/matrix.h"
#include "tests/kernel/workshop.h"

namespace jet::kernel {

struct Verdict {
  std::string verdict;
  std::string cause;  // "kernel_cause"; empty for null
};

// Appraises every row on the host, by row name; a row that jet-appraise does not mention is absent.
// One run for each set of trusted certificates. JET_LAB_APPRAISE_BIN names another jet to ask.
std::map<std::string, Verdict> AppraiseRows(const Workshop& workshop, const std::vector<Row>& rows);

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_VERDICTS_H_
