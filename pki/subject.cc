#include "pki/subject.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "crypto/openssl_error.h"
#include "pki/name_text.h"

namespace jet::pki {
namespace {

struct FieldRow {
  std::string Subject::*text;
  int nid;
  const char* name;
  size_t bound;  // in characters
  int string_type;
};

// In the order in which they are encoded. OpenSSL's bound for e-mail addresses is 128 characters,
// RFC 5280's (appendix A) is 255.
constexpr std::array<FieldRow, 7> kFields = {{
    {&Subject::country, NID_countryName, "country", 2, V_ASN1_PRINTABLESTRING},
    {&Subject::state, NID_stateOrProvinceName, "state", ub_state_name, V_ASN1_UTF8STRING},
    {&Subject::locality, NID_localityName, "locality", ub_locality_name, V_ASN1_UTF8STRING},
    {&Subject::organization, NID_organizationName, "organization", ub_organization_name,
     V_ASN1_UTF8STRING},
    {&Subject::organizational_unit, NID_organizationalUnitName, "organizational unit",
     ub_organization_unit_name, V_ASN1_UTF8STRING},
    {&Subject::common_name, NID_commonName, "common name", ub_common_name, V_ASN1_UTF8STRING},
    {&Subject::email, NID_pkcs9_emailAddress, "e-mail address", 255, V_ASN1_IA5STRING},
}};

bool HasControlCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isascii(static_cast<unsigned char>(c)); });
}

absl::Status CheckField(const FieldRow& row, const std::string& text) {
  const auto refuse = [&row](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("the ", row.name, " ", why));
  };
  if (!base::IsUtf8(text)) return refuse("is not UTF-8");
  if (base::CountCharacters(text) > row.bound) {
    return refuse(absl::StrCat("is longer than ", row.bound, " characters"));
  }
  if (HasControlCharacter(text)) return refuse("holds a control character");
  if (base::HasInvisibleCharacters(text)) return refuse("holds an invisible character");
  if (row.string_type != V_ASN1_UTF8STRING && !IsAscii(text)) {
    return refuse("in the subject holds characters other than ASCII");
  }
  return absl::OkStatus();
}

absl::Status CheckCountry(const std::string& country) {
  const bool letters = std::all_of(country.begin(), country.end(), [](char c) {
    return absl::ascii_isalpha(static_cast<unsigned char>(c));
  });
  if (country.empty() || (country.size() == 2 && letters)) return absl::OkStatus();
  return absl::InvalidArgumentError("the country is not two letters of ISO 3166, such as US");
}

// The text is added as it is, in the row's string type: CheckSubject has looked at it, and
// OpenSSL's own choice of type and bound would differ.
absl::Status AddEntry(const FieldRow& row, const std::string& text, X509_NAME* name) {
  if (text.empty()) return absl::OkStatus();
  if (X509_NAME_add_entry_by_NID(name, row.nid, row.string_type,
                                 reinterpret_cast<const uint8_t*>(text.data()),
                                 static_cast<int>(text.size()), -1, 0) != 1) {
    return crypto::OpenSslError(absl::StatusCode::kInternal,
                                absl::StrCat("cannot put the ", row.name, " into the subject"));
  }
  return absl::OkStatus();
}

const FieldRow* FindRow(const X509_NAME_ENTRY* entry) {
  const int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
  const auto row = std::find_if(kFields.begin(), kFields.end(),
                                [nid](const FieldRow& field) { return field.nid == nid; });
  return row == kFields.end() ? nullptr : &*row;
}

// The dotted form of an attribute's kind, or its name where OpenSSL knows one.
std::string KindOf(const X509_NAME_ENTRY* entry) {
  std::array<char, 128> text = {};
  if (OBJ_obj2txt(text.data(), text.size(), X509_NAME_ENTRY_get_object(entry), 0) <= 0) {
    crypto::DropOpenSslErrors();
    return "of an unknown kind";
  }
  return text.data();
}

absl::Status Refuse(absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("the subject ", why));
}

// Reads `entry` into `subject`; `seen` says which fields were read before.
absl::Status ReadEntry(const X509_NAME_ENTRY* entry, Subject& subject,
                       std::array<bool, kFields.size()>& seen) {
  const FieldRow* const row = FindRow(entry);
  if (row == nullptr) {
    return Refuse(absl::StrCat("has an attribute that is not supported: ", KindOf(entry)));
  }
  bool& seen_before = seen.at(static_cast<size_t>(row - kFields.data()));
  if (seen_before) return Refuse(absl::StrCat("has more than one ", row->name));
  seen_before = true;
  absl::optional<std::string> text = EntryText(entry);
  if (!text.has_value()) {
    return Refuse(absl::StrCat("has a ", row->name, " that cannot be converted to UTF-8"));
  }
  subject.*(row->text) = *std::move(text);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSubject(const Subject& subject) {
  if (subject.common_name.empty()) {
    return absl::InvalidArgumentError("the common name is empty");
  }
  JET_RETURN_IF_ERROR(CheckCountry(subject.country));
  for (const FieldRow& row : kFields) {
    JET_RETURN_IF_ERROR(CheckField(row, subject.*(row.text)));
  }
  return absl::OkStatus();
}

absl::Status FillName(const Subject& subject, X509_NAME* name) {
  JET_RETURN_IF_ERROR(CheckSubject(subject));
  for (const FieldRow& row : kFields) {
    JET_RETURN_IF_ERROR(AddEntry(row, subject.*(row.text), name));
  }
  return absl::OkStatus();
}

absl::StatusOr<Subject> ReadName(const X509_NAME* name) {
  Subject subject;
  std::array<bool, kFields.size()> seen = {};
  int last_rdn = -1;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* const entry = X509_NAME_get_entry(name, i);
    const int rdn = X509_NAME_ENTRY_set(entry);
    if (rdn == last_rdn) return Refuse("has several attributes in one part (RDN) of the name");
    last_rdn = rdn;
    JET_RETURN_IF_ERROR(ReadEntry(entry, subject, seen));
  }
  return subject;
}

}  // namespace jet::pki
