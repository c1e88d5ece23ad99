#include "cli/appraise_explanation.h"

#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "cli/escape.h"
#include "cli/keyring_option.h"
#include "sign/sidecar.h"

namespace jet::cli {
namespace {

constexpr char kUserImaName[] = "_ima";

ima::KernelRing HiddenRing(absl::string_view why) {
  return {"of its IMA", ima::RingSight::kHidden, {}, std::string(why)};
}

// The keyring that the kernel's IMA uses, as far as this process sees it. A kernel without .ima
// uses an _ima; that there is none in reach of root's user keyring is a finding of its own.
ima::KernelRing ReadRing(const Session& session) {
  const absl::StatusOr<ima::ResolvedKeyring> resolved =
      FindKeyring(session, absl::nullopt, ima::MissingKeyring::kReport);
  if (absl::IsNotFound(resolved.status())) {
    return {kUserImaName, ima::RingSight::kAbsent, {}, std::string(resolved.status().message())};
  }
  if (!resolved.ok()) return HiddenRing(resolved.status().message());
  if (!resolved->keyring.has_value()) return HiddenRing(resolved->why_none);
  absl::StatusOr<std::vector<ima::KeyringMember>> members = resolved->keyring->List();
  if (!members.ok()) return HiddenRing(members.status().message());
  return {resolved->keyring->name(), ima::RingSight::kListed, *std::move(members), ""};
}

// The name of the signature file beside `path`, if there is one.
absl::optional<std::string> SignatureFileBeside(const std::string& path) {
  const std::string name = absl::StrCat(path, sign::kDefaultSidecarSuffix);
  struct stat status = {};
  if (stat(name.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return absl::nullopt;
  return name;
}

// What could be read of the file; what could not, it says.
appraise::FileFacts FactsOf(const base::SelectedFile& file) {
  absl::StatusOr<appraise::FileFacts> facts = appraise::ReadFileFacts(file.fd.get(), file.kind);
  if (facts.ok()) return *std::move(facts);
  appraise::FileFacts little;
  little.kind = file.kind;
  little.unreadable.emplace_back(facts.status().message());
  return little;
}

}  // namespace

void DeclareExplanation(OptionParser& parser, ExplanationOptions& options) {
  parser.Flag("--explain", options.explain,
              "Say what the kernel will do, why, and what to do about it; with -r for files that "
              "are not valid (--verbose: for all)");
  parser.Value("--policy", options.policy, "FILE",
               "Explain for this IMA policy instead of the running one");
}

absl::StatusOr<std::unique_ptr<const Explainer>> Explainer::Open(const Session& session,
                                                                 const ExplanationOptions& options,
                                                                 appraise::Rule rule) {
  if (!options.explain && options.policy.has_value()) {
    return UsageError("--policy is for --explain: verdicts do not depend on a policy");
  }
  if (!options.explain) return std::unique_ptr<const Explainer>();
  appraise::KernelFacts kernel;
  kernel.state = ima::ReadKernelState();
  kernel.facilities = ima::ReadKernelFacilities("", kernel.state);
  kernel.ring = ReadRing(session);
  if (options.policy.has_value()) {
    JET_ASSIGN_OR_RETURN(kernel.policy, ima::ReadPolicyFile(*options.policy));
  } else {
    kernel.policy = ima::ReadPolicyInForce(
        "", kernel.state,
        rule == appraise::Rule::kSigv3 ? ima::AssumedRules::kSigv3 : ima::AssumedRules::kImasig);
  }
  return std::unique_ptr<const Explainer>(new Explainer(std::move(kernel)));
}

std::vector<appraise::Finding> Explainer::Explain(const base::SelectedFile& file,
                                                  const appraise::Appraisal& appraisal,
                                                  const appraise::TrustSet& trust) const {
  const appraise::FileFacts facts = FactsOf(file);
  return appraise::Explain({appraisal, facts, kernel_, trust, absl::Now(), ShellWord(file.path),
                            SignatureFileBeside(file.path)});
}

std::vector<appraise::Finding> Explainer::ExplainError(const base::SelectedFile* file,
                                                       const absl::Status& error) const {
  if (file != nullptr) return appraise::ExplainError(error, FactsOf(*file), &kernel_);
  if (!absl::IsPermissionDenied(error) || geteuid() != 0) return {};
  return {{"open-refused",
           "root was not allowed to open it. It may be that the kernel appraises files when they "
           "are opened (rules with func=FILE_CHECK, as ima_policy=appraise_tcb has them), refuses "
           "this one, and gives the same answer to this program as to any other; or a security "
           "module is in the way.",
           "Look for the audit record with comm=\"jet\" and its cause= (ausearch -m "
           "INTEGRITY_DATA, or the kernel's log), or ask for another system with --policy FILE."}};
}

std::vector<std::string> FindingLines(const std::vector<appraise::Finding>& findings) {
  std::vector<std::string> lines;
  for (const appraise::Finding& finding : findings) {
    lines.push_back(finding.text);
    if (!finding.remedy.empty()) lines.push_back(absl::StrCat("  What to do: ", finding.remedy));
  }
  return lines;
}

Json FindingObjects(const std::vector<appraise::Finding>& findings) {
  Json all = Json::array();
  for (const appraise::Finding& finding : findings) {
    Json object = {{"id", finding.id}, {"text", finding.text}};
    object["remedy"] = finding.remedy.empty() ? Json(nullptr) : Json(finding.remedy);
    all.push_back(std::move(object));
  }
  return all;
}

}  // namespace jet::cli
