// What becomes of a file that the kernel is about to use.
#ifndef JET_APPRAISE_OUTCOME_H_
#define JET_APPRAISE_OUTCOME_H_

#include <string>

#include "absl/strings/string_view.h"
#include "appraise/appraisal.h"
#include "ima/policy.h"

namespace jet::appraise {

enum class Fate {
  kRuns,          // appraised and good
  kRefused,       // or would be, in a mode that only records it
  kNotAppraised,  // used whatever it is
  kUnknown,
};

// A value.
struct Outcome {
  Fate fate = Fate::kUnknown;
  std::string cause;      // the kernel's word after cause=; empty for one that is not known
  std::string operation;  // the audit record's word after op=
  std::string log_line;   // what the kernel logs besides; empty: nothing
  std::string why;        // a clause: "its signature is valid"; for kUnknown what is not known
  const ima::PolicyRule* rule = nullptr;  // that decides; null without one
  std::string unless;  // for kRefused, what would prevent it: "its keyring has the key"
};

// True when the appraisal was made under Rule::kSigv3.
bool IsOfVerity(const Appraisal& appraisal);

// Each makes an outcome of that fate, without a rule. Of Refused, `cause` tells the operation.
Outcome Refused(std::string cause, std::string why);
Outcome Runs(std::string why);
Outcome NotAppraised(std::string why);
Outcome Unknown(std::string why);

// A policy's text may be long: returns its beginning, with "..." for what is left out. Pure.
std::string Shortened(absl::string_view text);

}  // namespace jet::appraise

#endif  // JET_APPRAISE_OUTCOME_H_
