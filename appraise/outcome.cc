#include "appraise/outcome.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "appraise/kernel_words.h"

namespace jet::appraise {

Outcome Refused(std::string cause, std::string why) {
  const bool collecting =
      cause == kCollectFailed || cause == kDeniedAlgorithm || cause == kNoVerityDigest;
  const char* operation = collecting ? kCollectOperation : kAppraiseOperation;
  return {Fate::kRefused, std::move(cause), operation, "", std::move(why), nullptr, ""};
}

Outcome Runs(std::string why) { return {Fate::kRuns, "", "", "", std::move(why), nullptr, ""}; }

Outcome NotAppraised(std::string why) {
  return {Fate::kNotAppraised, "", "", "", std::move(why), nullptr, ""};
}

Outcome Unknown(std::string why) {
  return {Fate::kUnknown, "", "", "", std::move(why), nullptr, ""};
}

bool IsOfVerity(const Appraisal& appraisal) { return appraisal.verity_enabled.has_value(); }

std::string Shortened(absl::string_view text) {
  constexpr size_t kShown = 200;
  if (text.size() <= kShown) return std::string(text);
  return absl::StrCat(text.substr(0, kShown), "...");
}

}  // namespace jet::appraise
