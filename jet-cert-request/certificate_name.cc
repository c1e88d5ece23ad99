#include "jet-cert-request/certificate_name.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/system_error.h"

namespace jet::cert_request {
namespace {

bool IsLowerOrDigit(unsigned char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

bool IsScopeCharacter(unsigned char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; }

// True for a lowercase letter followed by at least `least_more` lowercase letters or digits.
bool IsLowerWord(absl::string_view text, size_t least_more) {
  return text.size() > least_more && absl::ascii_islower(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), IsLowerOrDigit);
}

absl::Status Require(bool kept, absl::string_view rule) {
  return kept ? absl::OkStatus() : absl::InvalidArgumentError(absl::StrCat("must be ", rule));
}

absl::Status NamePart(const absl::Status& status, absl::string_view part, absl::string_view text) {
  return base::Annotate(status, absl::StrCat(part, " '", text, "'"));
}

absl::Status NoName(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no certificate name: ", why));
}

}  // namespace

std::string CertificateName::Text() const {
  const std::string stem = absl::StrCat(provider_prefix, "-", user_string, "-");
  if (deployment_scope.empty()) return absl::StrCat(stem, index);
  return absl::StrCat(stem, deployment_scope, "-", index);
}

bool CertificateName::IsSameButIndex(const CertificateName& other) const {
  return std::tie(provider_prefix, user_string, deployment_scope) ==
         std::tie(other.provider_prefix, other.user_string, other.deployment_scope);
}

bool operator==(const CertificateName& a, const CertificateName& b) {
  return a.IsSameButIndex(b) && a.index == b.index;
}

absl::Status CheckProviderPrefix(absl::string_view text) {
  return Require(IsLowerWord(text, 0), kProviderPrefixRule);
}

absl::Status CheckUserString(absl::string_view text) {
  return Require(IsLowerWord(text, 1), kUserStringRule);
}

absl::Status CheckDeploymentScope(absl::string_view text) {
  if (text.empty()) return absl::OkStatus();
  return Require(absl::ascii_isalnum(static_cast<unsigned char>(text[0])) &&
                     std::all_of(text.begin(), text.end(), IsScopeCharacter),
                 kDeploymentScopeRule);
}

absl::StatusOr<uint64_t> ParseIndex(absl::string_view text) {
  // SimpleAtoi would also take a sign and spaces.
  JET_RETURN_IF_ERROR(Require(
      !text.empty() && text[0] != '0' && std::all_of(text.begin(), text.end(), absl::ascii_isdigit),
      kIndexRule));
  uint64_t index = 0;
  JET_RETURN_IF_ERROR(Require(absl::SimpleAtoi(text, &index),
                              absl::StrCat("at most ", std::numeric_limits<uint64_t>::max())));
  return index;
}

absl::Status CheckCertificateName(const CertificateName& name) {
  JET_RETURN_IF_ERROR(
      NamePart(CheckProviderPrefix(name.provider_prefix), "provider prefix", name.provider_prefix));
  JET_RETURN_IF_ERROR(NamePart(CheckUserString(name.user_string), "user string", name.user_string));
  JET_RETURN_IF_ERROR(NamePart(CheckDeploymentScope(name.deployment_scope), "deployment scope",
                               name.deployment_scope));
  JET_RETURN_IF_ERROR(NamePart(Require(name.index > 0, kIndexRule), "index", "0"));
  const std::string text = name.Text();
  if (text.size() <= kMaxCertificateName) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the certificate name '", text, "' has ", text.size(), " characters, at most ",
                   kMaxCertificateName, " are allowed; choose a shorter user string"));
}

absl::StatusOr<CertificateName> ParseCertificateName(absl::string_view text) {
  // Neither prefix nor user string has a hyphen, and the index is what follows the last one.
  const size_t first = text.find('-');
  const size_t second = first == text.npos ? text.npos : text.find('-', first + 1);
  if (second == text.npos) return NoName(text, "it must be prefix-user-index");
  const size_t last = text.rfind('-');
  CertificateName name;
  name.provider_prefix = std::string(text.substr(0, first));
  name.user_string = std::string(text.substr(first + 1, second - first - 1));
  if (last > second) {
    name.deployment_scope = std::string(text.substr(second + 1, last - second - 1));
    if (name.deployment_scope.empty()) return NoName(text, "its deployment scope is empty");
  }
  const absl::string_view index_text = text.substr(last + 1);
  const absl::StatusOr<uint64_t> index = ParseIndex(index_text);
  if (!index.ok()) {
    return NoName(text, NamePart(index.status(), "index", index_text).message());
  }
  name.index = *index;
  const absl::Status checked = CheckCertificateName(name);
  return checked.ok() ? absl::StatusOr<CertificateName>(name) : NoName(text, checked.message());
}

}  // namespace jet::cert_request
