#include "pki/subject.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/openssl_types.h"
#include "tests/status_matchers.h"

namespace jet::pki {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using testing::HasSubstr;
using NamePtr = crypto::OpenSslPtr<X509_NAME, X509_NAME_free>;

// One, two, three and four bytes of UTF-8.
const char* const kCharacters[] = {"x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x94\x91"};

std::string Repeat(const std::string& text, size_t count) {
  std::string repeated;
  for (size_t i = 0; i < count; ++i) repeated += text;
  return repeated;
}

struct TextField {
  std::string Subject::*text;
  size_t bound;
  const char* name;
};

constexpr TextField kTextFields[] = {
    {&Subject::state, 128, "state"},
    {&Subject::locality, 128, "locality"},
    {&Subject::organization, 64, "organization"},
    {&Subject::organizational_unit, 64, "organizational unit"},
    {&Subject::common_name, 64, "common name"},
};

// Every field that is no two letters, with the country's bound left to its own tests.
std::vector<TextField> LongFields() {
  std::vector<TextField> fields(std::begin(kTextFields), std::end(kTextFields));
  fields.push_back({&Subject::email, 255, "e-mail address"});
  return fields;
}

Subject SubjectWith(std::string Subject::*field, const std::string& text) {
  Subject subject;
  subject.common_name = "x";
  subject.*field = text;
  return subject;
}

Subject FullSubject() {
  return {.country = "US",
          .state = "California",
          .locality = "S\xc3\xa3o Paulo",
          .organization = "Acme, Inc.",
          .organizational_unit = "R/D + \"Q\"",
          .common_name = "acme-dev1-1",
          .email = "ca@acme.example"};
}

absl::StatusOr<Subject> ThereAndBack(const Subject& subject) {
  const NamePtr name(X509_NAME_new());
  const absl::Status filled = FillName(subject, name.get());
  if (!filled.ok()) return filled;
  return ReadName(name.get());
}

TEST(CheckSubjectTest, EveryFieldKeepsItsBoundInCharactersOfAnySize) {
  for (const TextField& field : kTextFields) {
    for (const char* character : kCharacters) {
      const Subject longest = SubjectWith(field.text, Repeat(character, field.bound));
      EXPECT_THAT(CheckSubject(longest), IsOk()) << field.name << character;
      // What passes the check can be encoded and is read back the same.
      EXPECT_THAT(ThereAndBack(longest), test::IsOkAndHolds(longest)) << field.name;
      EXPECT_THAT(CheckSubject(SubjectWith(field.text, Repeat(character, field.bound + 1))),
                  StatusIs(StatusCode::kInvalidArgument,
                           absl::StrCat("the ", field.name, " is longer than ", field.bound,
                                        " characters")));
    }
  }
}

TEST(CheckSubjectTest, AnEmailAddressMayHave255Characters) {
  const Subject longest = SubjectWith(&Subject::email, std::string(255, 'e'));
  EXPECT_THAT(ThereAndBack(longest), test::IsOkAndHolds(longest));
  EXPECT_THAT(
      CheckSubject(SubjectWith(&Subject::email, std::string(256, 'e'))),
      StatusIs(StatusCode::kInvalidArgument, "the e-mail address is longer than 255 characters"));
}

TEST(CheckSubjectTest, ACountryIsTwoAsciiLettersOrNone) {
  for (const char* good : {"", "US", "us", "De", "zZ"}) {
    EXPECT_THAT(CheckSubject(SubjectWith(&Subject::country, good)), IsOk()) << good;
  }
  for (const char* bad : {"U", "USA", "U1", "U ", " U", "U\n", "\xc3\xa4", "\xc3\xa4\xc3\xa4", "@Z",
                          "[A", "`a", "{a", "\xff\xff"}) {
    EXPECT_THAT(CheckSubject(SubjectWith(&Subject::country, bad)),
                StatusIs(StatusCode::kInvalidArgument,
                         "the country is not two letters of ISO 3166, such as US"))
        << bad;
  }
}

TEST(CheckSubjectTest, ACommonNameIsNeeded) {
  Subject subject = FullSubject();
  subject.common_name.clear();
  EXPECT_THAT(CheckSubject(subject),
              StatusIs(StatusCode::kInvalidArgument, "the common name is empty"));
}

TEST(CheckSubjectTest, ControlCharactersAreNamedInEveryField) {
  for (const TextField& field : LongFields()) {
    for (const std::string& forged : {std::string("a\nb"), std::string("a\0b", 3),
                                      std::string("\x1b[m"), std::string("a\x7f")}) {
      EXPECT_THAT(CheckSubject(SubjectWith(field.text, forged)),
                  StatusIs(StatusCode::kInvalidArgument,
                           absl::StrCat("the ", field.name, " holds a control character")));
    }
  }
}

TEST(CheckSubjectTest, InvisibleCharactersAreNamedInEveryField) {
  for (const TextField& field : LongFields()) {
    for (const char* forged : {"a\xc2\x85", "a\xe2\x80\xae", "\xe2\x80\x8b", "\xef\xbb\xbfz"}) {
      EXPECT_THAT(CheckSubject(SubjectWith(field.text, forged)),
                  StatusIs(StatusCode::kInvalidArgument,
                           absl::StrCat("the ", field.name, " holds an invisible character")));
    }
  }
}

TEST(CheckSubjectTest, TextThatIsNotUtf8IsNamedInEveryField) {
  for (const TextField& field : LongFields()) {
    EXPECT_THAT(
        CheckSubject(SubjectWith(field.text, "a\xff")),
        StatusIs(StatusCode::kInvalidArgument, absl::StrCat("the ", field.name, " is not UTF-8")));
  }
}

TEST(CheckSubjectTest, AnEmailAddressIsAscii) {
  EXPECT_THAT(CheckSubject(SubjectWith(&Subject::email, "l\xc3\xa4@example.org")),
              StatusIs(StatusCode::kInvalidArgument,
                       "the e-mail address in the subject holds characters other than ASCII"));
}

struct EncodedEntry {
  int nid;
  int string_type;
  std::string text;

  friend bool operator==(const EncodedEntry&, const EncodedEntry&) = default;
};

std::vector<EncodedEntry> EntriesOf(const X509_NAME* name) {
  std::vector<EncodedEntry> entries;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* const entry = X509_NAME_get_entry(name, i);
    EXPECT_EQ(X509_NAME_ENTRY_set(entry), i) << "each has an RDN of its own";
    const ASN1_STRING* const text = X509_NAME_ENTRY_get_data(entry);
    const auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
    entries.push_back({OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)), ASN1_STRING_type(text),
                       std::string(data, static_cast<size_t>(ASN1_STRING_length(text)))});
  }
  return entries;
}

TEST(FillNameTest, OrderAndStringTypesAreAsDocumented) {
  const NamePtr name(X509_NAME_new());
  ASSERT_THAT(FillName(FullSubject(), name.get()), IsOk());
  const std::vector<EncodedEntry> expected = {
      {NID_countryName, V_ASN1_PRINTABLESTRING, "US"},
      {NID_stateOrProvinceName, V_ASN1_UTF8STRING, "California"},
      {NID_localityName, V_ASN1_UTF8STRING, "S\xc3\xa3o Paulo"},
      {NID_organizationName, V_ASN1_UTF8STRING, "Acme, Inc."},
      {NID_organizationalUnitName, V_ASN1_UTF8STRING, "R/D + \"Q\""},
      {NID_commonName, V_ASN1_UTF8STRING, "acme-dev1-1"},
      {NID_pkcs9_emailAddress, V_ASN1_IA5STRING, "ca@acme.example"}};
  EXPECT_TRUE(EntriesOf(name.get()) == expected);
}

TEST(FillNameTest, EmptyFieldsAreLeftOut) {
  const NamePtr name(X509_NAME_new());
  ASSERT_THAT(FillName({.common_name = "only"}, name.get()), IsOk());
  const std::vector<EncodedEntry> expected = {{NID_commonName, V_ASN1_UTF8STRING, "only"}};
  EXPECT_TRUE(EntriesOf(name.get()) == expected);
}

TEST(FillNameTest, ASubjectThatBreaksARuleLeavesTheNameEmpty) {
  const NamePtr name(X509_NAME_new());
  Subject subject = FullSubject();
  subject.email = "a\nb";
  EXPECT_THAT(
      FillName(subject, name.get()),
      StatusIs(StatusCode::kInvalidArgument, "the e-mail address holds a control character"));
  EXPECT_EQ(X509_NAME_entry_count(name.get()), 0);
}

TEST(ReadNameTest, WhatFillNameWroteIsReadBack) {
  EXPECT_THAT(ThereAndBack(FullSubject()), test::IsOkAndHolds(FullSubject()));
}

// Adds to `name`; `set` is 0 for a new RDN and -1 for the one before.
void Add(X509_NAME* name, int nid, int type, const std::string& text, int set = 0) {
  ASSERT_EQ(
      X509_NAME_add_entry_by_NID(name, nid, type, reinterpret_cast<const uint8_t*>(text.data()),
                                 static_cast<int>(text.size()), -1, set),
      1);
}

TEST(ReadNameTest, AnyOrderIsRead) {
  const NamePtr name(X509_NAME_new());
  Add(name.get(), NID_pkcs9_emailAddress, V_ASN1_IA5STRING, "a@b.example");
  Add(name.get(), NID_commonName, V_ASN1_UTF8STRING, "x");
  Add(name.get(), NID_countryName, V_ASN1_UTF8STRING, "DE");
  const Subject expected = {.country = "DE", .common_name = "x", .email = "a@b.example"};
  EXPECT_THAT(ReadName(name.get()), test::IsOkAndHolds(expected));
}

TEST(ReadNameTest, AnEmptyNameIsAnEmptySubject) {
  const NamePtr name(X509_NAME_new());
  EXPECT_THAT(ReadName(name.get()), test::IsOkAndHolds(Subject()));
}

TEST(ReadNameTest, OlderStringTypesAreConvertedToUtf8) {
  const NamePtr name(X509_NAME_new());
  Add(name.get(), NID_organizationName, V_ASN1_T61STRING, "L\xe4");
  Add(name.get(), NID_commonName, V_ASN1_BMPSTRING, std::string("\x20\xac\0x", 4));
  Add(name.get(), NID_localityName, V_ASN1_UNIVERSALSTRING, std::string("\0\x01\xf5\x11", 4));
  const Subject expected = {
      .locality = "\xf0\x9f\x94\x91", .organization = "L\xc3\xa4", .common_name = "\xe2\x82\xacx"};
  EXPECT_THAT(ReadName(name.get()), test::IsOkAndHolds(expected));
}

TEST(ReadNameTest, TextThatDoesNotConvertIsRefused) {
  const struct {
    int type;
    std::string text;
  } kBroken[] = {{V_ASN1_UTF8STRING, "a\xff"},
                 {V_ASN1_UTF8STRING, "\xed\xa0\x80"},     // a surrogate
                 {V_ASN1_BMPSTRING, "\xd8\x3d\xdd\x11"},  // a pair of surrogates
                 {V_ASN1_UNIVERSALSTRING, "\x7f\xff\xff\xff"}};
  for (const auto& broken : kBroken) {
    const NamePtr name(X509_NAME_new());
    Add(name.get(), NID_commonName, broken.type, broken.text);
    EXPECT_THAT(ReadName(name.get()),
                StatusIs(StatusCode::kFailedPrecondition,
                         "the subject has a common name that cannot be converted to UTF-8"))
        << testing::PrintToString(broken.text);
  }
}

TEST(ReadNameTest, AnotherKindOfAttributeIsNamed) {
  const NamePtr name(X509_NAME_new());
  Add(name.get(), NID_commonName, V_ASN1_UTF8STRING, "x");
  Add(name.get(), NID_domainComponent, V_ASN1_IA5STRING, "example");
  EXPECT_THAT(ReadName(name.get()),
              StatusIs(StatusCode::kFailedPrecondition,
                       "the subject has an attribute that is not supported: domainComponent"));
}

TEST(ReadNameTest, AKindThatOpensslDoesNotKnowIsNamedByItsNumbers) {
  const crypto::OpenSslPtr<ASN1_OBJECT, ASN1_OBJECT_free> kind(OBJ_txt2obj("1.2.3.4.5", 1));
  const NamePtr name(X509_NAME_new());
  const uint8_t text[] = {'x'};
  ASSERT_EQ(X509_NAME_add_entry_by_OBJ(name.get(), kind.get(), V_ASN1_UTF8STRING, text, 1, -1, 0),
            1);
  EXPECT_THAT(ReadName(name.get()),
              StatusIs(StatusCode::kFailedPrecondition,
                       "the subject has an attribute that is not supported: 1.2.3.4.5"));
}

TEST(ReadNameTest, OneKindTwiceIsRefusedEvenWhenTheFirstIsEmpty) {
  for (const char* first : {"a", ""}) {
    const NamePtr name(X509_NAME_new());
    Add(name.get(), NID_organizationalUnitName, V_ASN1_UTF8STRING, first);
    Add(name.get(), NID_organizationalUnitName, V_ASN1_UTF8STRING, "b");
    EXPECT_THAT(ReadName(name.get()),
                StatusIs(StatusCode::kFailedPrecondition,
                         "the subject has more than one organizational unit"));
  }
}

TEST(ReadNameTest, SeveralAttributesInOneRdnAreRefused) {
  const NamePtr name(X509_NAME_new());
  Add(name.get(), NID_countryName, V_ASN1_PRINTABLESTRING, "US");
  Add(name.get(), NID_organizationName, V_ASN1_UTF8STRING, "Lab");
  Add(name.get(), NID_commonName, V_ASN1_UTF8STRING, "x", -1);
  EXPECT_THAT(ReadName(name.get()),
              StatusIs(StatusCode::kFailedPrecondition,
                       "the subject has several attributes in one part (RDN) of the name"));
}

}  // namespace
}  // namespace jet::pki
