#include "appraise/kernel_outcome.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "appraise/kernel_words.h"
#include "appraise/signature_outcome.h"
#include "ima/signature.h"

namespace jet::appraise {
namespace {

constexpr uint64_t kFuseMagic = 0x65735546;  // FUSE_SUPER_MAGIC

Outcome ForetellHashOrSignature(const ExplanationInput& input) {
  const Appraisal& appraisal = input.appraisal;
  if (appraisal.verdict == Verdict::kNoSignature) {
    return Refused(kMissingHash, "the rule wants at least a hash, and the file has none");
  }
  if (appraisal.verdict == Verdict::kHashOnly) {
    return Unknown(
        "a hash does for this rule, and whether this one is the file's is not looked at here");
  }
  if (appraisal.signature_version == ima::kSignatureVersion3 &&
      appraisal.kernel_cause == kImaSignatureRequired) {
    return Refused(kInvalidVeritySignature,
                   "its signature is over the fs-verity digest, and the rule has the kernel look "
                   "at the digest of the content");
  }
  return ForetellSignature(input);
}

// ima_appraise.c, modsig_verify: it is tried where there is no signature or its key is not known.
Outcome ForetellSignatureOrModsig(const ExplanationInput& input) {
  const Verdict verdict = input.appraisal.verdict;
  if (verdict == Verdict::kNoSignature || verdict == Verdict::kHashOnly ||
      verdict == Verdict::kUnknownKey) {
    return Unknown(absl::StrCat(input.appraisal.detail,
                                "; a signature appended to the module counts too, and is not "
                                "looked at here"));
  }
  return ForetellSignature(input);
}

absl::optional<bool> HasVerity(const ExplanationInput& input) {
  return IsOfVerity(input.appraisal) ? input.appraisal.verity_enabled : input.file.verity_enabled;
}

// The digest comes first (ima_collect_measurement), so nothing else counts without one.
Outcome WithoutVerity() {
  return Refused(kNoVerityDigest,
                 "the kernel is to look at the fs-verity digest, and fs-verity is not enabled on "
                 "the file");
}

// For what is refused either way: `outcome` where fs-verity is known to be enabled.
Outcome UnlessWithoutVerity(const ExplanationInput& input, Outcome outcome) {
  const absl::optional<bool> enabled = HasVerity(input);
  if (enabled.has_value()) return *enabled ? outcome : WithoutVerity();
  absl::StrAppend(&outcome.why,
                  " (without fs-verity on the file the record has op=", kCollectOperation,
                  " cause=", kNoVerityDigest, ")");
  return outcome;
}

Outcome ForetellVerity(const ExplanationInput& input) {
  if (IsOfVerity(input.appraisal)) {
    if (input.appraisal.verity_enabled == false) return WithoutVerity();
    return ForetellSignature(input);
  }
  if (input.appraisal.signature_version == ima::kSignatureVersion3) {
    if (input.file.verity_enabled == false) return WithoutVerity();
    return Unknown(
        "the rule wants a signature over the fs-verity digest: jet-appraise --verity judges it");
  }
  return UnlessWithoutVerity(
      input, Refused(kVeritySignatureRequired,
                     "the kernel wants a signature over the fs-verity digest, and this is none"));
}

// A rule that wants a hash or a signature, beside one with digest_type=verity.
Outcome ForetellVerityDigest(const ExplanationInput& input) {
  const Appraisal& appraisal = input.appraisal;
  if (HasVerity(input) == false) return WithoutVerity();
  if (appraisal.signature_version == ima::kSignatureVersion3) return ForetellVerity(input);
  if (appraisal.verdict == Verdict::kNoSignature) {
    return UnlessWithoutVerity(input, ForetellHashOrSignature(input));
  }
  return Unknown(
      "the kernel compares what the file has with its fs-verity digest, which is not looked at "
      "here");
}

// The rule wants the content's digest, and the appraisal is about fs-verity digests.
Outcome ForetellContentAfterVerity(const ExplanationInput& input, ima::Requirement requirement) {
  if (input.appraisal.signature_version != ima::kSignatureVersion3) {
    return Unknown("the rule is about the content: jet-appraise without --verity judges that");
  }
  const bool any = requirement == ima::Requirement::kHashOrSignature;
  return Refused(any ? kInvalidVeritySignature : kImaSignatureRequired,
                 "the rule is about the content, and this signature is over the fs-verity digest");
}

// ima_appraise_measurement fails without a word, but for what comes before it.
Outcome ForetellWithoutAttributes(const ExplanationInput& input, ima::Requirement requirement) {
  const bool of_verity = requirement == ima::Requirement::kVeritySignature ||
                         requirement == ima::Requirement::kVerityDigest;
  if (of_verity && HasVerity(input) == false) return WithoutVerity();
  return Refused("", "its file system keeps no security.ima");
}

Outcome ForetellByRequirement(const ExplanationInput& input, ima::Requirement requirement) {
  if (!input.file.keeps_attributes && requirement != ima::Requirement::kSignatureOrModsig) {
    return ForetellWithoutAttributes(input, requirement);
  }
  if (requirement == ima::Requirement::kVeritySignature) return ForetellVerity(input);
  if (requirement == ima::Requirement::kVerityDigest) return ForetellVerityDigest(input);
  if (IsOfVerity(input.appraisal)) return ForetellContentAfterVerity(input, requirement);
  switch (requirement) {
    case ima::Requirement::kHashOrSignature:
      return ForetellHashOrSignature(input);
    case ima::Requirement::kSignatureOrModsig:
      return ForetellSignatureOrModsig(input);
    case ima::Requirement::kSignature:
    case ima::Requirement::kVeritySignature:
    case ima::Requirement::kVerityDigest:
      break;
  }
  return ForetellSignature(input);
}

bool HasAttribute(const Appraisal& appraisal) { return appraisal.verdict != Verdict::kNoSignature; }

// What EVM says comes before the signature (evm_verifyxattr).
absl::optional<Outcome> ForetellEvm(const ExplanationInput& input) {
  if (input.kernel.facilities.evm.word != ima::Presence::kPresent ||
      !HasAttribute(input.appraisal)) {
    return absl::nullopt;
  }
  if (input.file.has_evm == false) {
    return Refused(kMissingHmac, "EVM is on in this kernel, and the file has no security.evm");
  }
  return absl::nullopt;
}

// The hash is computed before anything else is looked at (ima_collect_measurement).
absl::optional<Outcome> ForetellHashing(const ExplanationInput& input) {
  const std::string& hash = input.appraisal.hash_name;
  if (hash.empty() || input.kernel.state.ima.word == ima::Presence::kAbsent ||
      ima::SupportsHash(input.kernel.state, hash) != false) {
    return absl::nullopt;
  }
  Outcome outcome = Refused(kCollectFailed, absl::StrCat("this kernel does not have ", hash));
  outcome.log_line = absl::StrCat("ima: Can not allocate ", hash, " (reason: -2)");
  return outcome;
}

// Last the algorithm, of what passed. Where that is not known neither is which one counts: of a
// signature appended to a module it is the kernel's own.
Outcome ForetellAlgorithms(const ExplanationInput& input, const ima::PolicyRule& rule,
                           Outcome outcome) {
  const std::vector<std::string>& allowed = rule.algorithms;
  const std::string& hash = input.appraisal.hash_name;
  if (allowed.empty() || hash.empty() || outcome.fate == Fate::kRefused ||
      std::find(allowed.begin(), allowed.end(), hash) != allowed.end()) {
    return outcome;
  }
  return Refused(kDeniedAlgorithm,
                 absl::StrCat("the rule takes only ", Shortened(absl::StrJoin(allowed, ", "))));
}

bool FailsSecurely(const KernelFacts& kernel) {
  const std::vector<std::string>& words = kernel.state.boot_policies;
  return std::find(words.begin(), words.end(), "fail_securely") != words.end();
}

Outcome ForetellAppraised(const ExplanationInput& input, const ima::PolicyDecision& decision) {
  if (const absl::optional<Outcome> unhashed = ForetellHashing(input)) return *unhashed;
  if (input.file.file_system_magic == kFuseMagic && FailsSecurely(input.kernel)) {
    return Refused(kUnverifiableSignature,
                   "ima_policy=fail_securely trusts no signature on this file system");
  }
  if (const absl::optional<Outcome> evm = ForetellEvm(input)) return *evm;
  Outcome outcome =
      ForetellAlgorithms(input, *decision.rule, ForetellByRequirement(input, decision.requirement));
  const bool evm_decides =
      outcome.fate == Fate::kRuns && input.kernel.facilities.evm.word == ima::Presence::kPresent;
  return evm_decides ? Unknown(absl::StrCat(outcome.why,
                                            "; but EVM is on, and what it says of "
                                            "security.evm is not known here"))
                     : outcome;
}

ima::PolicySubject SubjectOf(const FileFacts& file) {
  ima::PolicySubject subject;
  subject.file_system_magic = file.file_system_magic;
  subject.file_system_name = file.file_system_name;
  subject.owner = file.owner;
  subject.group = file.group;
  return subject;
}

// True when the kernel is known to have no rule whatever.
bool HasNoPolicy(const KernelFacts& kernel) {
  if (!kernel.policy.policy.rules.empty()) return false;
  if (kernel.policy.origin == ima::PolicyOrigin::kKernel) return true;
  return kernel.policy.origin == ima::PolicyOrigin::kBoot && kernel.state.boot_policies.empty();
}

Outcome ForetellUnappraised(const KernelFacts& kernel, const ima::PolicyDecision& decision) {
  switch (decision.coverage) {
    case ima::Coverage::kExempt:
      return NotAppraised("a rule exempts it");
    case ima::Coverage::kDepends:
      return Unknown(absl::StrCat("whether a rule applies depends on ",
                                  Shortened(decision.circumstance),
                                  ", which the file alone does not tell"));
    case ima::Coverage::kNoRule:
    case ima::Coverage::kAppraised:
      break;
  }
  return NotAppraised(HasNoPolicy(kernel)
                          ? "no policy is loaded"
                          : absl::StrCat("no rule of ", kernel.policy.name, " is about it"));
}

}  // namespace

Outcome ForetellOutcome(const ExplanationInput& input,
                        const std::vector<ima::PolicyAccess>& accesses) {
  const ima::PolicyDecision decision =
      ima::Decide(input.kernel.policy.policy, SubjectOf(input.file), accesses);
  Outcome outcome = decision.coverage == ima::Coverage::kAppraised
                        ? ForetellAppraised(input, decision)
                        : ForetellUnappraised(input.kernel, decision);
  outcome.rule = decision.rule;
  return outcome;
}

}  // namespace jet::appraise
