#include "appraise/signature_outcome.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "appraise/kernel_words.h"
#include "base/bytes.h"
#include "ima/acceptance.h"
#include "ima/key_facts.h"
#include "ima/key_id.h"
#include "ima/mirror.h"

namespace jet::appraise {
namespace {

constexpr int kEnokey = 126;
constexpr int kEagain = 11;

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

// The kernel's word for whatever fails while it verifies.
const char* CauseOf(const Appraisal& appraisal) {
  return IsOfVerity(appraisal) ? kInvalidVeritySignature : kInvalidSignature;
}

// The blacklist comes before the ring (request_asymmetric_key).
Outcome ForetellBlacklisted(const Appraisal& appraisal) {
  Outcome outcome = Refused(CauseOf(appraisal),
                            absl::StrCat("the keyring ", ima::kImaBlacklist, " holds its key"));
  outcome.log_line = absl::StrCat("integrity: Key 'id:", ima::KeyIdText(*appraisal.key_id),
                                  "' is in ima_blacklist_keyring");
  return outcome;
}

// The signature is good: does this kernel find and use the key?
Outcome ForetellValid(const ExplanationInput& input) {
  const pki::Certificate& certificate = input.appraisal.key->certificate;
  const KernelFacts& kernel = input.kernel;
  if (kernel.state.ima.word == ima::Presence::kAbsent) {
    return Runs("its signature is valid, provided that the kernel's keyring has the key");
  }
  if (RingLacks(kernel, certificate)) {
    Outcome outcome = Refused(CauseOf(input.appraisal),
                              "its signature is valid, but the kernel does not have the key");
    outcome.log_line = UnknownKeyLine(input);
    return outcome;
  }
  if (RingKeysOfKeyId(input) > 1) {
    return Unknown(absl::StrCat("its signature is valid, but the keyring ", kernel.ring.name,
                                " has several keys that go by its key id, and the kernel tries "
                                "only the first that it finds"));
  }
  // A certificate without an identifier was found by its issuer's name, and can verify.
  if (certificate.subject_key_identifier().has_value()) {
    const ima::Told<ima::Acceptance> usable = ima::CanVerifyWith(certificate, kernel.state);
    if (usable.word == ima::Acceptance::kRefused) {
      return Refused(CauseOf(input.appraisal), usable.why);
    }
    if (usable.word == ima::Acceptance::kUnknown) return Unknown(usable.why);
  }
  if (IsRingHidden(kernel)) {
    return Unknown(
        absl::StrCat("its signature is valid, and whether the kernel has the key cannot "
                     "be seen: ",
                     kernel.ring.why));
  }
  return Runs(
      absl::StrCat("its signature is valid, and its key is in the keyring ", kernel.ring.name));
}

// No trusted key goes by the key id; the kernel's keyring may have other keys.
Outcome ForetellUnknownKey(const ExplanationInput& input) {
  const Appraisal& appraisal = input.appraisal;
  if (IsRingHidden(input.kernel)) {
    return Unknown(absl::StrCat(appraisal.detail,
                                ", and whether the kernel has one that goes by it cannot be seen: ",
                                input.kernel.ring.why));
  }
  const bool has_ima = input.kernel.state.ima.word != ima::Presence::kAbsent;
  if (has_ima && RingKeysOfKeyId(input) > 0) {
    return Unknown(absl::StrCat(appraisal.detail, ", but the kernel has one that goes by it"));
  }
  Outcome outcome = Refused(appraisal.kernel_cause, appraisal.detail);
  if (has_ima) {
    outcome.log_line = UnknownKeyLine(input);
  } else {
    outcome.unless = "its keyring has the key";
  }
  return outcome;
}

Outcome ForetellInvalid(const ExplanationInput& input) {
  const Appraisal& appraisal = input.appraisal;
  if (appraisal.kernel_cause.empty()) return Unknown(appraisal.detail);
  if (appraisal.verdict == Verdict::kUnknownKey) return ForetellUnknownKey(input);
  return Refused(appraisal.kernel_cause, appraisal.detail);
}

bool GoesBy(const ima::KeyringMember& member, const ima::KeyId& key_id) {
  return member.subject_key_identifier.has_value() &&
         base::Tail(*member.subject_key_identifier, key_id.size()) == base::ByteSpan(key_id);
}

}  // namespace

Outcome ForetellSignature(const ExplanationInput& input) {
  const Verdict verdict = input.appraisal.verdict;
  const bool of_key = verdict == Verdict::kValid || verdict == Verdict::kMismatch ||
                      verdict == Verdict::kUnknownKey || verdict == Verdict::kAmbiguousKey;
  if (of_key && IsBlacklisted(input)) return ForetellBlacklisted(input.appraisal);
  return input.appraisal.verdict == Verdict::kValid ? ForetellValid(input) : ForetellInvalid(input);
}

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

size_t RingKeysOfKeyId(const ExplanationInput& input) {
  const absl::optional<ima::KeyId>& key_id = input.appraisal.key_id;
  if (!key_id.has_value()) return 0;
  // Certificates of one key have one identifier.
  std::set<base::Bytes> identifiers;
  for (const ima::KeyringMember& member : input.kernel.ring.members) {
    if (GoesBy(member, *key_id)) identifiers.insert(*member.subject_key_identifier);
  }
  return identifiers.size();
}

bool IsBlacklisted(const ExplanationInput& input) {
  const absl::optional<ima::KeyId>& key_id = input.appraisal.key_id;
  const std::vector<ima::KeyringMember>& members = input.kernel.facilities.blacklist.members;
  return key_id.has_value() && input.kernel.state.ima.word != ima::Presence::kAbsent &&
         std::any_of(members.begin(), members.end(), [&key_id](const ima::KeyringMember& member) {
           return GoesBy(member, *key_id);
         });
}

bool IsRingHidden(const KernelFacts& kernel) {
  return kernel.state.ima.word != ima::Presence::kAbsent &&
         kernel.ring.sight == ima::RingSight::kHidden;
}

}  // namespace jet::appraise
