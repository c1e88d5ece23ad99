#include "jet-cert-request/form.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/system_error.h"
#include "base/utf8.h"

namespace jet::cert_request {
namespace {

// X.520's upper bounds, in characters.
constexpr size_t kMaxPlace = 128;        // state and locality
constexpr size_t kMaxOrganization = 64;  // organization and unit
constexpr size_t kMaxEmail = 255;        // RFC 5280, appendix A

constexpr char kPlaceRule[] = "1 to 128 visible characters (UTF-8)";
constexpr char kOrganizationRule[] = "1 to 64 visible characters (UTF-8)";

constexpr std::array<FieldRow, kFieldCount> kRows = {{
    {Field::kCountry, "country", "Country", "two letters, such as US",
     "The country your organization is in, as its two-letter ISO 3166 code: US, DE, IN, JP. The "
     "CA writes it into your certificate.",
     false},
    {Field::kState, "state", "State", kPlaceRule,
     "The state, province or region your organization is in, written out or in the form usual "
     "there: California, or CA. Where there is none, repeat the city.",
     false},
    {Field::kLocality, "locality", "City", kPlaceRule,
     "The city or town your organization is in, such as Sunnyvale.", false},
    {Field::kOrganization, "organization", "Organization", kOrganizationRule,
     "The registered name of your company or organization, as in your partner agreement with "
     "Juniper. Commas, slashes and letters of any script are fine.",
     false},
    {Field::kUnit, "unit", "Unit", kOrganizationRule,
     "The department or group that signs the applications, such as R/D or Network Apps. It may "
     "be any name that your organization knows.",
     false},
    {Field::kProviderPrefix, "provider-prefix", "Provider prefix", kProviderPrefixRule,
     "The short word that stands for your organization, and for no other, in names of "
     "certificates and packages. It is not yours to choose: JET Certificate Processing at Juniper "
     "assigned it and told it to a contact in your organization. Ask there before you go on.",
     false},
    {Field::kUserString, "user-string", "User string", kUserStringRule,
     "A word of your own choice that tells the certificates of your organization apart: the name "
     "of your team or project, such as dev1. Keep it when you renew the certificate.",
     false},
    {Field::kDeploymentScope, "deployment-scope", "Deployment scope", kDeploymentScopeRule,
     "A word that Juniper assigns to a partner who holds several certificates, to tell them "
     "apart. Leave it empty if none was assigned to you.",
     true},
    {Field::kIndex, "index", "Index", kIndexRule,
     "The generation of the certificate: 1 for your first one. When it expires and you request "
     "its successor, take the next higher number.",
     false},
    {Field::kEmail, "email", "E-mail",
     "an address such as ca@acme.example, in ASCII and of at most 255 characters",
     "Where the CA writes to about this certificate. Give the address of a role or a group, not "
     "a person's: it stays in the certificate and should outlive a change of jobs.",
     false},
}};

constexpr bool InOrder() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<size_t>(kRows[i].field) != i) return false;
  }
  return true;
}
static_assert(InOrder(), "RowOf() and Form find a field by its number");

constexpr size_t IndexOf(Field field) { return static_cast<size_t>(field); }

bool IsCountry(absl::string_view text) {
  return text.size() == 2 && std::all_of(text.begin(), text.end(), absl::ascii_isalpha);
}

bool IsVisibleText(absl::string_view text, size_t limit) {
  return !text.empty() && base::IsUtf8(text) && base::CountCharacters(text) <= limit &&
         !base::HasInvisibleCharacters(text);
}

bool IsAtomCharacter(unsigned char c) {
  return absl::ascii_isalnum(c) ||
         absl::string_view("!#$%&'*+-/=?^_`{|}~").find(static_cast<char>(c)) !=
             absl::string_view::npos;
}

bool IsAtom(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsAtomCharacter);
}

bool IsDomainLabel(absl::string_view text) {
  return !text.empty() && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '-'; });
}

// A dot-atom of RFC 5322, 3.2.3, "@", and a domain name of two labels or more.
bool IsEmail(absl::string_view text) {
  if (text.size() > kMaxEmail) return false;
  const std::vector<absl::string_view> halves = absl::StrSplit(text, '@');
  if (halves.size() != 2) return false;
  const std::vector<absl::string_view> atoms = absl::StrSplit(halves[0], '.');
  const std::vector<absl::string_view> labels = absl::StrSplit(halves[1], '.');
  return labels.size() > 1 && std::all_of(atoms.begin(), atoms.end(), IsAtom) &&
         std::all_of(labels.begin(), labels.end(), IsDomainLabel);
}

absl::Status Require(bool kept, Field field) {
  if (kept) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("must be ", RowOf(field).rule));
}

absl::Status CheckAnswer(Field field, absl::string_view text) {
  switch (field) {
    case Field::kCountry:
      return Require(IsCountry(text), field);
    case Field::kState:
    case Field::kLocality:
      return Require(IsVisibleText(text, kMaxPlace), field);
    case Field::kOrganization:
    case Field::kUnit:
      return Require(IsVisibleText(text, kMaxOrganization), field);
    case Field::kProviderPrefix:
      return CheckProviderPrefix(text);
    case Field::kUserString:
      return CheckUserString(text);
    case Field::kDeploymentScope:
      return CheckDeploymentScope(text);
    case Field::kIndex:
      return ParseIndex(text).status();
    case Field::kEmail:
      return Require(IsEmail(text), field);
  }
  return absl::InternalError("no such field");
}

// "provider prefix": the label within a sentence.
std::string LabelInText(Field field) { return absl::AsciiStrToLower(RowOf(field).label); }

}  // namespace

absl::Span<const FieldRow> Fields() { return kRows; }

const FieldRow& RowOf(Field field) { return kRows[IndexOf(field)]; }

absl::StatusOr<std::string> NormalizeAnswer(Field field, absl::string_view text) {
  const absl::string_view answer = absl::StripAsciiWhitespace(text);
  JET_RETURN_IF_ERROR(base::Annotate(CheckAnswer(field, answer),
                                     absl::StrCat(LabelInText(field), " '", answer, "'")));
  return field == Field::kCountry ? absl::AsciiStrToUpper(answer) : std::string(answer);
}

absl::Status Form::Set(Field field, absl::string_view text) {
  JET_ASSIGN_OR_RETURN(answers_[IndexOf(field)], NormalizeAnswer(field, text));
  return absl::OkStatus();
}

const absl::optional<std::string>& Form::Get(Field field) const { return answers_[IndexOf(field)]; }

std::vector<Field> Form::Missing() const {
  std::vector<Field> missing;
  for (const FieldRow& row : kRows) {
    if (!row.optional && !Get(row.field).has_value()) missing.push_back(row.field);
  }
  return missing;
}

absl::StatusOr<CertificateName> Form::Name() const {
  for (const Field part : {Field::kProviderPrefix, Field::kUserString, Field::kIndex}) {
    if (!Get(part).has_value()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the certificate name cannot be made yet: the ", LabelInText(part), " is missing"));
    }
  }
  CertificateName name;
  name.provider_prefix = *Get(Field::kProviderPrefix);
  name.user_string = *Get(Field::kUserString);
  name.deployment_scope = Get(Field::kDeploymentScope).value_or("");
  JET_ASSIGN_OR_RETURN(name.index, ParseIndex(*Get(Field::kIndex)));
  JET_RETURN_IF_ERROR(CheckCertificateName(name));
  return name;
}

absl::StatusOr<pki::Subject> Form::Subject() const {
  JET_ASSIGN_OR_RETURN(const CertificateName name, Name());
  const std::vector<Field> missing = Missing();
  if (!missing.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("the subject cannot be made yet: the ",
                                                      LabelInText(missing[0]), " is missing"));
  }
  pki::Subject subject;
  subject.country = *Get(Field::kCountry);
  subject.state = *Get(Field::kState);
  subject.locality = *Get(Field::kLocality);
  subject.organization = *Get(Field::kOrganization);
  subject.organizational_unit = *Get(Field::kUnit);
  subject.common_name = name.Text();
  subject.email = *Get(Field::kEmail);
  return subject;
}

Form SuggestionsOf(const pki::Subject& earlier) {
  Form form;
  const std::pair<Field, const std::string&> values[] = {
      {Field::kCountry, earlier.country},          {Field::kState, earlier.state},
      {Field::kLocality, earlier.locality},        {Field::kOrganization, earlier.organization},
      {Field::kUnit, earlier.organizational_unit}, {Field::kEmail, earlier.email},
  };
  // What does not keep today's rules is not offered, which is no error.
  for (const auto& [field, text] : values) (void)form.Set(field, text);
  const absl::StatusOr<CertificateName> name = ParseCertificateName(earlier.common_name);
  if (name.ok()) (void)form.Set(Field::kProviderPrefix, name->provider_prefix);
  return form;
}

}  // namespace jet::cert_request
