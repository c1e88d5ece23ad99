// What the kernel's command line says of IMA and its policy.
#ifndef JET_IMA_COMMAND_LINE_H_
#define JET_IMA_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace jet::ima {

// A value.
struct ImaCommandLine {
  absl::optional<std::string> appraise;    // the last ima_appraise=
  std::vector<std::string> boot_policies;  // of ima_policy=, ima_tcb and ima_appraise_tcb, in order
  bool policy_off = false;                 // the last jet.policy= is "off": this project's own word
};

// Reads /proc/cmdline as the kernel does (lib/cmdline.c, kernel/params.c): words may be quoted, '-'
// and '_' in names are the same, and what follows "--" is for init.
ImaCommandLine ParseImaCommandLine(absl::string_view line);

}  // namespace jet::ima

#endif  // JET_IMA_COMMAND_LINE_H_
