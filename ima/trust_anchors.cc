#include "ima/trust_anchors.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/permission.h"
#include "ima/kernel_keyring.h"
#include "ima/key_facts.h"

namespace jet::ima {
namespace {

constexpr const char* kVouchingRings[] = {kBuiltinTrustedKeys, ".secondary_trusted_keys",
                                          ".machine"};

// The kernel leaves the organization out where the common name begins alike.
constexpr size_t kSignificantStart = 7;

KernelRing Hidden(const char* name, absl::string_view why) {
  return {name, RingSight::kHidden, {}, std::string(why)};
}

// The kernel's rings are root's, and show themselves to nobody else.
KernelRing NotFound(const char* name) {
  if (geteuid() == 0 && base::InInitialUserNamespace()) return {name, RingSight::kAbsent, {}, ""};
  return Hidden(name, "only root may see it");
}

bool IsAsymmetric(const KeyringMember& member) { return member.type == kAsymmetricType; }

// The description without the identifier at its end.
absl::string_view NamePart(const KeyringMember& member) {
  const absl::string_view description = member.description;
  const size_t colon = description.rfind(": ");
  return colon == absl::string_view::npos ? absl::string_view() : description.substr(0, colon);
}

}  // namespace

KernelRing ReadKernelRing(const char* name) {
  const absl::StatusOr<absl::optional<KeySerial>> serial = FindKernelKeyring(name);
  if (!serial.ok()) return Hidden(name, serial.status().message());
  if (!serial->has_value()) return NotFound(name);
  absl::StatusOr<std::vector<KeyringMember>> members =
      Keyring(**serial, name, /*trusted=*/false).List();
  if (!members.ok()) return Hidden(name, members.status().message());
  // A key that may not be viewed has no type: whether it is the issuer sought cannot be told.
  const bool all_seen = std::none_of(members->begin(), members->end(),
                                     [](const KeyringMember& key) { return key.type.empty(); });
  members->erase(std::remove_if(members->begin(), members->end(),
                                [](const KeyringMember& key) { return !IsAsymmetric(key); }),
                 members->end());
  if (!all_seen) {
    return {name, RingSight::kHidden, *std::move(members), "some of its keys may not be viewed"};
  }
  return {name, RingSight::kListed, *std::move(members), ""};
}

std::vector<KernelRing> ReadVouchingRings() {
  std::vector<KernelRing> rings;
  for (const char* const name : kVouchingRings) rings.push_back(ReadKernelRing(name));
  return rings;
}

const KeyringMember* FindIssuer(const pki::IssuerReference& issuer,
                                const std::vector<KeyringMember>& members) {
  const auto found =
      std::find_if(members.begin(), members.end(), [&issuer](const KeyringMember& member) {
        if (issuer.key_identifier.has_value()) {
          return member.subject_key_identifier == issuer.key_identifier;
        }
        const std::string name = KernelName(issuer);
        return !name.empty() && NamePart(member) == name;
      });
  return found == members.end() ? nullptr : &*found;
}

std::string KernelName(const pki::IssuerReference& issuer) {
  const std::string& organization = issuer.organization;
  const std::string& name = issuer.common_name;
  if (name.empty()) return organization.empty() ? issuer.email : organization;
  if (organization.empty() || absl::StartsWith(name, organization)) return name;
  if (name.size() >= kSignificantStart && organization.size() >= kSignificantStart &&
      absl::string_view(name).substr(0, kSignificantStart) ==
          absl::string_view(organization).substr(0, kSignificantStart)) {
    return name;
  }
  return absl::StrCat(organization, ": ", name);
}

}  // namespace jet::ima
