#include "appraise/kernel_outcome.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ima/acceptance.h"
#include "ima/key_facts.h"
#include "ima/key_id.h"
#include "ima/mirror.h"
#include "ima/signature.h"

namespace jet::appraise {
namespace {

constexpr char kAppraiseData[] = "appraise_data";
constexpr char kCollectData[] = "collect_data";
constexpr char kInvalidSignature[] = "invalid-signature";
constexpr char kCollectFailed[] = "failed";
constexpr uint64_t kFuseMagic = 0x65735546;  // FUSE_SUPER_MAGIC
constexpr int kEnokey = 126;
constexpr int kEagain = 11;

Outcome Refused(std::string cause, std::string why) {
  const char* operation = cause == kCollectFailed ? kCollectData : kAppraiseData;
  return {Fate::kRefused, std::move(cause), operation, "", std::move(why), nullptr};
}

Outcome Runs(std::string why) { return {Fate::kRuns, "", "", "", std::move(why), nullptr}; }

Outcome NotAppraised(std::string why) {
  return {Fate::kNotAppraised, "", "", "", std::move(why), nullptr};
}

Outcome Unknown(std::string why) { return {Fate::kUnknown, "", "", "", std::move(why), nullptr}; }

// What the kernel logs when no key of the ring goes by the signature's key id
// (digsig_asymmetric.c, request_asymmetric_key).
std::string UnknownKeyLine(const ExplanationInput& input) {
  const ima::KernelRing& ring = input.kernel.ring;
  if (ring.sight == ima::RingSight::kAbsent) {
    return absl::StrCat("integrity: no ", ring.name, " keyring: -", kEnokey);
  }
  const std::string id =
      input.appraisal.key_id.has_value() ? ima::KeyIdText(*input.appraisal.key_id) : "...";
  const std::string asked = absl::StrCat("integrity: Request for unknown key 'id:", id, "'");
  if (ring.sight == ima::RingSight::kHidden) return asked;
  return absl::StrCat(asked, " in '", ring.name, "' keyring. err -", kEagain);
}

// The signature is good: does this kernel find and use the key?
Outcome ForetellValid(const ExplanationInput& input) {
  const pki::Certificate& certificate = input.appraisal.key->certificate;
  const KernelFacts& kernel = input.kernel;
  if (kernel.state.ima.word == ima::Presence::kAbsent) {
    return Runs("its signature is valid, provided that the kernel's keyring has the key");
  }
  if (RingLacks(kernel, certificate)) {
    Outcome outcome =
        Refused(kInvalidSignature, "its signature is valid, but the kernel does not have the key");
    outcome.log_line = UnknownKeyLine(input);
    return outcome;
  }
  // A certificate without an identifier was found by its issuer's name, and can verify.
  if (certificate.subject_key_identifier().has_value()) {
    const ima::Told<ima::Acceptance> usable = ima::CanVerifyWith(certificate, kernel.state);
    if (usable.word == ima::Acceptance::kRefused) return Refused(kInvalidSignature, usable.why);
    if (usable.word == ima::Acceptance::kUnknown) return Unknown(usable.why);
  }
  if (kernel.ring.sight == ima::RingSight::kHidden) {
    return Unknown(
        absl::StrCat("its signature is valid, and whether the kernel has the key cannot "
                     "be seen: ",
                     kernel.ring.why));
  }
  return Runs(
      absl::StrCat("its signature is valid, and its key is in the keyring ", kernel.ring.name));
}

Outcome ForetellInvalid(const ExplanationInput& input) {
  const Appraisal& appraisal = input.appraisal;
  if (appraisal.kernel_cause.empty()) return Unknown(appraisal.detail);
  if (appraisal.verdict == Verdict::kUnknownKey && RingHasKeyId(input)) {
    return Unknown(absl::StrCat(appraisal.detail, ", but the kernel has one that goes by it"));
  }
  Outcome outcome = Refused(appraisal.kernel_cause, appraisal.detail);
  if (appraisal.verdict == Verdict::kUnknownKey) outcome.log_line = UnknownKeyLine(input);
  return outcome;
}

Outcome ForetellSignature(const ExplanationInput& input) {
  return input.appraisal.verdict == Verdict::kValid ? ForetellValid(input) : ForetellInvalid(input);
}

Outcome ForetellHashOrSignature(const ExplanationInput& input) {
  const Appraisal& appraisal = input.appraisal;
  if (appraisal.verdict == Verdict::kNoSignature) {
    return Refused("missing-hash", "the rule wants at least a hash, and the file has none");
  }
  if (appraisal.verdict == Verdict::kHashOnly) {
    return Unknown(
        "a hash does for this rule, and whether this one is the file's is not looked at here");
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

Outcome ForetellVerity(const ExplanationInput& input) {
  if (IsOfVerity(input.appraisal)) return ForetellSignature(input);
  if (input.appraisal.signature_version == ima::kSignatureVersion3) {
    return Unknown(
        "the rule wants a signature over the fs-verity digest: jet-appraise --verity judges it");
  }
  return Refused("verity-signature-required",
                 "the rule wants a signature over the fs-verity digest (without fs-verity the "
                 "cause is no-verity-digest)");
}

// The rule wants a signature over the content, and the appraisal is about fs-verity digests.
Outcome ForetellContentAfterVerity(const Appraisal& appraisal) {
  if (appraisal.signature_version == ima::kSignatureVersion3) {
    return Refused("IMA-signature-required",
                   "the rule wants a signature over the content, and this one is over the "
                   "fs-verity digest");
  }
  return Unknown("the rule is about the content: jet-appraise without --verity judges that");
}

Outcome ForetellByRequirement(const ExplanationInput& input, ima::Requirement requirement) {
  if (requirement == ima::Requirement::kVeritySignature) return ForetellVerity(input);
  if (IsOfVerity(input.appraisal)) return ForetellContentAfterVerity(input.appraisal);
  switch (requirement) {
    case ima::Requirement::kHashOrSignature:
      return ForetellHashOrSignature(input);
    case ima::Requirement::kSignatureOrModsig:
      return ForetellSignatureOrModsig(input);
    case ima::Requirement::kSignature:
    case ima::Requirement::kVeritySignature:
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
  if (!input.file.has_evm) {
    return Refused("missing-HMAC", "EVM is on in this kernel, and the file has no security.evm");
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

Outcome ForetellAlgorithms(const ExplanationInput& input, const ima::PolicyRule& rule,
                           Outcome outcome) {
  const std::vector<std::string>& allowed = rule.algorithms;
  if (allowed.empty() || outcome.fate == Fate::kRefused ||
      std::find(allowed.begin(), allowed.end(), input.appraisal.hash_name) != allowed.end()) {
    return outcome;
  }
  Outcome denied = Refused("denied-hash-algorithm",
                           absl::StrCat("the rule takes only ", absl::StrJoin(allowed, ", ")));
  denied.operation = kCollectData;
  return denied;
}

bool FailsSecurely(const KernelFacts& kernel) {
  const std::vector<std::string>& words = kernel.state.boot_policies;
  return std::find(words.begin(), words.end(), "fail_securely") != words.end();
}

Outcome ForetellAppraised(const ExplanationInput& input, const ima::PolicyRule& rule) {
  if (const absl::optional<Outcome> unhashed = ForetellHashing(input)) return *unhashed;
  if (input.file.file_system_magic == kFuseMagic && FailsSecurely(input.kernel)) {
    return Refused("unverifiable-signature",
                   "ima_policy=fail_securely trusts no signature on this file system");
  }
  if (const absl::optional<Outcome> evm = ForetellEvm(input)) return *evm;
  Outcome outcome = ForetellAlgorithms(input, rule, ForetellByRequirement(input, rule.requirement));
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

}  // namespace

bool IsOfVerity(const Appraisal& appraisal) { return appraisal.verity_enabled.has_value(); }

bool RingLacks(const KernelFacts& kernel, const pki::Certificate& certificate) {
  switch (kernel.ring.sight) {
    case ima::RingSight::kAbsent:
      return true;
    case ima::RingSight::kHidden:
      return false;
    case ima::RingSight::kListed:
      break;
  }
  // One without an identifier cannot be told among the members.
  return certificate.subject_key_identifier().has_value() &&
         !ima::HoldsKeyOf(kernel.ring.members, certificate);
}

bool RingHasKeyId(const ExplanationInput& input) {
  const absl::optional<ima::KeyId>& key_id = input.appraisal.key_id;
  if (!key_id.has_value()) return false;
  const std::vector<ima::KeyringMember>& members = input.kernel.ring.members;
  return std::any_of(members.begin(), members.end(), [&key_id](const ima::KeyringMember& member) {
    return member.subject_key_identifier.has_value() &&
           base::Tail(*member.subject_key_identifier, key_id->size()) == base::ByteSpan(*key_id);
  });
}

Outcome ForetellOutcome(const ExplanationInput& input, ima::PolicyHook hook) {
  const ima::PolicyDecision decision =
      ima::Decide(input.kernel.policy.policy, SubjectOf(input.file), hook);
  Outcome outcome;
  switch (decision.coverage) {
    case ima::Coverage::kNoRule:
      return NotAppraised(absl::StrCat("no rule of ", input.kernel.policy.name, " is about it"));
    case ima::Coverage::kExempt:
      outcome = NotAppraised("a rule exempts it");
      break;
    case ima::Coverage::kDepends:
      outcome = Unknown(absl::StrCat("whether a rule applies depends on ", decision.circumstance,
                                     ", which the file alone does not tell"));
      break;
    case ima::Coverage::kAppraised:
      outcome = ForetellAppraised(input, *decision.rule);
      break;
  }
  outcome.rule = decision.rule;
  return outcome;
}

}  // namespace jet::appraise
