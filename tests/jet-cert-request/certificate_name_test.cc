#include "jet-cert-request/certificate_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <regex>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/status_matchers.h"

namespace jet::cert_request {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::IsOkAndHolds;
using test::StatusIs;
using testing::HasSubstr;

constexpr uint64_t kHighest = std::numeric_limits<uint64_t>::max();

struct TextRow {
  std::string text;
  bool good;
};

// A text of each kind of character that no part allows.
const char* const kForeign[] = {" ", "a b", "ä", "a.b", "a/b", "a\n", "a\tb", "a:b", "a,b", "a=b"};

TEST(CertificateNameTest, ProviderPrefixIsALowercaseWord) {
  const TextRow rows[] = {{"a", true},     {"acme", true}, {"a1", true},
                          {"z9z", true},   {"", false},    {"1", false},
                          {"1a", false},   {"A", false},   {"aB", false},
                          {"Acme", false}, {"a-b", false}, {"-a", false},
                          {"a_b", false},  {"_a", false},  {std::string("a\0b", 3), false}};
  for (const TextRow& row : rows) {
    const absl::Status status = CheckProviderPrefix(row.text);
    EXPECT_EQ(status.ok(), row.good) << row.text;
    if (!row.good) {
      EXPECT_THAT(status, StatusIs(StatusCode::kInvalidArgument,
                                   absl::StrCat("must be ", kProviderPrefixRule)));
    }
  }
  for (const char* text : kForeign) EXPECT_FALSE(CheckProviderPrefix(text).ok()) << text;
}

TEST(CertificateNameTest, UserStringHasTwoCharactersOrMore) {
  const TextRow rows[] = {{"ab", true},   {"a1", true},  {"dev1", true}, {"", false},
                          {"a", false},   {"1a", false}, {"Dev", false}, {"dEv", false},
                          {"a-b", false}, {"a_b", false}};
  for (const TextRow& row : rows) {
    const absl::Status status = CheckUserString(row.text);
    EXPECT_EQ(status.ok(), row.good) << row.text;
    if (!row.good) {
      EXPECT_THAT(status, StatusIs(StatusCode::kInvalidArgument,
                                   absl::StrCat("must be ", kUserStringRule)));
    }
  }
  for (const char* text : kForeign) EXPECT_FALSE(CheckUserString(text).ok()) << text;
}

TEST(CertificateNameTest, DeploymentScopeMayBeEmptyAndMayHaveHyphens) {
  const TextRow rows[] = {{"", true},    {"a", true},   {"A", true},  {"1", true},   {"EMEA", true},
                          {"a-b", true}, {"a_b", true}, {"a-", true}, {"1-_", true}, {"-", false},
                          {"-a", false}, {"_", false},  {"_a", false}};
  for (const TextRow& row : rows) {
    const absl::Status status = CheckDeploymentScope(row.text);
    EXPECT_EQ(status.ok(), row.good) << row.text;
    if (!row.good) {
      EXPECT_THAT(status, StatusIs(StatusCode::kInvalidArgument,
                                   absl::StrCat("must be ", kDeploymentScopeRule)));
    }
  }
  for (const char* text : kForeign) EXPECT_FALSE(CheckDeploymentScope(text).ok()) << text;
}

TEST(CertificateNameTest, IndexIsAPositiveNumberAsItIsWritten) {
  const struct {
    const char* text;
    uint64_t number;
  } good[] = {{"1", 1}, {"9", 9}, {"10", 10}, {"18446744073709551615", kHighest}};
  for (const auto& row : good) EXPECT_THAT(ParseIndex(row.text), IsOkAndHolds(row.number));
  for (const char* text : {"", "0", "01", "00", "+1", "-1", " 1", "1 ", "1.0", "1e3", "0x1", "one",
                           "1a", "\xc2\xb2"}) {
    EXPECT_THAT(ParseIndex(text),
                StatusIs(StatusCode::kInvalidArgument, absl::StrCat("must be ", kIndexRule)))
        << text;
  }
  for (const char* text : {"18446744073709551616", "99999999999999999999999999"}) {
    EXPECT_THAT(ParseIndex(text),
                StatusIs(StatusCode::kInvalidArgument, "must be at most 18446744073709551615"));
  }
}

TEST(CertificateNameTest, TextAndPartsAreInverse) {
  const struct {
    CertificateName name;
    const char* text;
  } rows[] = {
      {{"acme", "dev1", "", 1}, "acme-dev1-1"},
      {{"acme", "dev1", "emea", 2}, "acme-dev1-emea-2"},
      {{"a", "bc", "1", 2}, "a-bc-1-2"},
      {{"a", "bc", "2-1", 3}, "a-bc-2-1-3"},
      {{"a", "bc", "x-", 1}, "a-bc-x--1"},
      {{"a", "bc", "X_Y--z", 10}, "a-bc-X_Y--z-10"},
      {{"a", "bc", "", kHighest}, "a-bc-18446744073709551615"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(row.name.Text(), row.text);
    EXPECT_THAT(CheckCertificateName(row.name), IsOk());
    EXPECT_THAT(ParseCertificateName(row.text), IsOkAndHolds(row.name));
  }
}

TEST(CertificateNameTest, EveryGoodNameMatchesThePatternOfTheCa) {
  const std::regex pattern("[a-z][a-z0-9]*-[a-zA-Z0-9][a-zA-Z0-9_-]*");
  for (const char* prefix : {"a", "acme", "z0"}) {
    for (const char* user : {"ab", "a0"}) {
      for (const char* scope : {"", "A", "0", "x-", "a_-b"}) {
        const CertificateName name = {prefix, user, scope, 1};
        EXPECT_THAT(CheckCertificateName(name), IsOk());
        EXPECT_TRUE(std::regex_match(name.Text(), pattern)) << name.Text();
      }
    }
  }
}

TEST(CertificateNameTest, WholeNameHasAtMost64Characters) {
  for (const size_t scope_size : {size_t{0}, size_t{5}}) {
    CertificateName name = {"acme", "", std::string(scope_size, 's'), 9};
    const size_t rest = name.Text().size();
    name.user_string = std::string(kMaxCertificateName - rest, 'u');
    ASSERT_EQ(name.Text().size(), 64u);
    EXPECT_THAT(CheckCertificateName(name), IsOk());
    EXPECT_THAT(ParseCertificateName(name.Text()), IsOkAndHolds(name));
    name.index = 10;
    EXPECT_THAT(CheckCertificateName(name),
                StatusIs(StatusCode::kInvalidArgument,
                         absl::StrCat("the certificate name '", name.Text(),
                                      "' has 65 characters, at most 64 are allowed; choose a "
                                      "shorter user string")));
    EXPECT_THAT(ParseCertificateName(name.Text()),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("at most 64")));
  }
}

TEST(CertificateNameTest, EveryPartIsChecked) {
  const struct {
    CertificateName name;
    const char* message;
  } rows[] = {
      {{"Acme", "dev1", "", 1}, "provider prefix 'Acme': must be a lowercase letter"},
      {{"acme", "d", "", 1}, "user string 'd': must be a lowercase letter, then one or more"},
      {{"acme", "dev1", "_x", 1}, "deployment scope '_x': must be empty, or a letter"},
      {{"acme", "dev1", "", 0}, "index '0': must be a positive number"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(CheckCertificateName(row.name),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(row.message)));
  }
}

TEST(CertificateNameTest, WhatIsNoNameIsRefused) {
  for (const char* text : {"",
                           "acme",
                           "acme-dev1",
                           "acme-dev1-",
                           "acme--1",
                           "-dev1-1",
                           "acme-dev1--1",
                           "acme-dev1-01",
                           "acme-dev1-0",
                           "acme-dev1-x",
                           "acme-dev1-x-",
                           "Acme-dev1-1",
                           "acme-Dev1-1",
                           "acme-d-1",
                           "acme-dev1-_x-1",
                           "acme-dev1-1_key",
                           "acme-dev1-1.pem",
                           "acme-dev1-18446744073709551616",
                           " acme-dev1-1",
                           "acme-dev1-1 ",
                           "acme-dev1-1\n",
                           "../acme-dev1-1",
                           "acme-dev1-../x-1"}) {
    EXPECT_THAT(ParseCertificateName(text),
                StatusIs(StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("'", text, "' is no certificate name: "))))
        << text;
  }
}

TEST(CertificateNameTest, GenerationsDifferInTheIndexOnly) {
  const CertificateName name = {"acme", "dev1", "emea", 1};
  EXPECT_TRUE(name.IsSameButIndex({"acme", "dev1", "emea", 2}));
  EXPECT_TRUE(name.IsSameButIndex(name));
  EXPECT_FALSE(name.IsSameButIndex({"acma", "dev1", "emea", 1}));
  EXPECT_FALSE(name.IsSameButIndex({"acme", "dev2", "emea", 1}));
  EXPECT_FALSE(name.IsSameButIndex({"acme", "dev1", "", 1}));
  EXPECT_TRUE(name == name);
  EXPECT_FALSE(name == (CertificateName{"acme", "dev1", "emea", 2}));
  EXPECT_FALSE(name == (CertificateName{"acme", "dev1", "", 1}));
}

}  // namespace
}  // namespace jet::cert_request
