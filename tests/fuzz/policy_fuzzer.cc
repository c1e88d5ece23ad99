// Fuzzes the parser of IMA policies: the rules that it takes are, as they stand in the text, a
// policy of the same rules, and every one can be matched.
//   build/fuzz/tests/fuzz/policy_fuzzer -max_len=4096 -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "ima/policy.h"

namespace {

void Check(absl::string_view text, jet::ima::PolicyText kind) {
  const auto policy = jet::ima::ParsePolicy(text, kind);
  if (!policy.ok()) return;
  std::string again;
  for (const jet::ima::PolicyRule& rule : policy->rules) absl::StrAppend(&again, rule.text, "\n");
  const auto parsed = jet::ima::ParsePolicy(again, kind);
  if (!parsed.ok() || parsed->rules.size() != policy->rules.size()) abort();
  for (size_t i = 0; i < parsed->rules.size(); ++i) {
    if (parsed->rules[i].text != policy->rules[i].text) abort();
  }
  const jet::ima::PolicyAccess opened = {jet::ima::PolicyHook::kFileCheck,
                                         jet::ima::AccessMask::kExec};
  const jet::ima::PolicyAccess executed = {jet::ima::PolicyHook::kBprmCheck,
                                           jet::ima::AccessMask::kExec};
  const auto decision = jet::ima::Decide(*policy, {}, {opened, executed});
  const bool decided = decision.coverage != jet::ima::Coverage::kNoRule;
  if (decided != (decision.rule != nullptr)) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text = jet::base::AsText(jet::base::ByteSpan(data, size));
  Check(text, jet::ima::PolicyText::kWritten);
  Check(text, jet::ima::PolicyText::kShown);
  return 0;
}
