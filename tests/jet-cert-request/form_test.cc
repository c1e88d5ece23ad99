#include "jet-cert-request/form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/status_matchers.h"

namespace jet::cert_request {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::IsOkAndHolds;
using test::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Times(size_t count, absl::string_view text) {
  std::string all;
  for (size_t i = 0; i < count; ++i) absl::StrAppend(&all, text);
  return all;
}

// An address of `size` characters.
std::string EmailOf(size_t size) {
  const std::string domain = "@acme.example";
  return std::string(size - domain.size(), 'l') + domain;
}

// One answer to each field, all good.
const std::pair<Field, const char*> kAnswers[] = {
    {Field::kCountry, "US"},
    {Field::kState, "CA"},
    {Field::kLocality, "Sunnyvale"},
    {Field::kOrganization, "Acme, Inc."},
    {Field::kUnit, "R/D"},
    {Field::kProviderPrefix, "acme"},
    {Field::kUserString, "dev1"},
    {Field::kDeploymentScope, ""},
    {Field::kIndex, "1"},
    {Field::kEmail, "ca@acme.example"},
};

Form WholeForm() {
  Form form;
  for (const auto& [field, text] : kAnswers) EXPECT_THAT(form.Set(field, text), IsOk());
  return form;
}

TEST(FormTest, FieldsAreInTheOrderInWhichTheyAreAsked) {
  std::vector<std::string> keys;
  for (const FieldRow& row : Fields()) {
    keys.push_back(row.key);
    EXPECT_EQ(&RowOf(row.field), &row);
  }
  EXPECT_THAT(keys,
              ElementsAre("country", "state", "locality", "organization", "unit", "provider-prefix",
                          "user-string", "deployment-scope", "index", "email"));
}

TEST(FormTest, EveryFieldExplainsItself) {
  for (const FieldRow& row : Fields()) {
    EXPECT_NE(std::string(row.label), "") << row.key;
    EXPECT_FALSE(absl::StrContains(row.rule, "\n")) << row.key;
    EXPECT_LE(std::string(row.rule).size(), 80u) << row.key;
    EXPECT_TRUE(absl::EndsWith(row.help, ".")) << row.key;
    EXPECT_EQ(row.optional, row.field == Field::kDeploymentScope) << row.key;
  }
}

struct AnswerRow {
  Field field;
  std::string text;
  std::string normal;
};

TEST(FormTest, GoodAnswersAreTaken) {
  const AnswerRow rows[] = {
      {Field::kCountry, "US", "US"},
      {Field::kCountry, "us", "US"},
      {Field::kCountry, " dE\t", "DE"},
      {Field::kState, "C", "C"},
      {Field::kState, "  New  York ", "New  York"},
      {Field::kState, Times(128, "s"), Times(128, "s")},
      {Field::kState, Times(128, "ü"), Times(128, "ü")},
      {Field::kLocality, "東京", "東京"},
      {Field::kLocality, Times(128, "𐍈"), Times(128, "𐍈")},
      {Field::kOrganization, "Acme, Inc.", "Acme, Inc."},
      {Field::kOrganization, "Acme \"#1\" + <x>; a=b\\", "Acme \"#1\" + <x>; a=b\\"},
      {Field::kOrganization, Times(64, "é"), Times(64, "é")},
      {Field::kUnit, "R/D", "R/D"},
      {Field::kUnit, Times(64, "u"), Times(64, "u")},
      {Field::kProviderPrefix, "acme", "acme"},
      {Field::kUserString, " dev1 ", "dev1"},
      {Field::kDeploymentScope, "", ""},
      {Field::kDeploymentScope, "  ", ""},
      {Field::kDeploymentScope, "EMEA-2", "EMEA-2"},
      {Field::kIndex, "1", "1"},
      {Field::kIndex, "18446744073709551615", "18446744073709551615"},
      {Field::kEmail, "ca@acme.example", "ca@acme.example"},
      {Field::kEmail, "Jet.Certs+router_1@sub.acme-labs.example",
       "Jet.Certs+router_1@sub.acme-labs.example"},
      {Field::kEmail, "a!#$%&'*+/=?^_`{|}~-@1.2", "a!#$%&'*+/=?^_`{|}~-@1.2"},
      {Field::kEmail, EmailOf(255), EmailOf(255)},
  };
  for (const AnswerRow& row : rows) {
    EXPECT_THAT(NormalizeAnswer(row.field, row.text), IsOkAndHolds(row.normal));
  }
}

struct BadRow {
  Field field;
  std::vector<std::string> texts;
};

TEST(FormTest, BadAnswersGetTheRule) {
  const std::string invisible[] = {"a\x01z",     "a\nb",           "a\x7fz",
                                   "a\xc2\x85z", "a\xe2\x80\xaez", "a\xe2\x80\xa8z"};
  const std::string not_utf8[] = {"\xff", "M\xfcnchen", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82"};
  std::vector<BadRow> rows = {
      {Field::kCountry, {"", "U", "USA", "U1", "U S", "ÜS", "ü", "12"}},
      {Field::kState, {"", " ", Times(129, "s"), Times(129, "ü")}},
      {Field::kLocality, {"", "\t\n", Times(129, "s"), Times(129, "𐍈")}},
      {Field::kOrganization, {"", Times(65, "o"), Times(65, "é")}},
      {Field::kUnit, {"", Times(65, "o"), Times(65, "東")}},
      {Field::kProviderPrefix, {"", "Acme", "1a", "a-b", "a_b", "ä"}},
      {Field::kUserString, {"", "d", "Dev", "1d", "d-v", "d v"}},
      {Field::kDeploymentScope, {"-x", "_x", "a b", "ä", "a.b"}},
      {Field::kIndex, {"", "0", "01", "-1", "+1", "1 0", "x"}},
      {Field::kEmail,
       {"",
        "@",
        "ca",
        "ca@",
        "@acme.example",
        "ca@acme",
        "ca@acme.",
        "ca@.example",
        "ca@acme..example",
        "c a@acme.example",
        "ca@ac me.example",
        "ca@@acme.example",
        "a@b@acme.example",
        ".ca@acme.example",
        "ca.@acme.example",
        "c..a@acme.example",
        "cä@acme.example",
        "ca@äcme.example",
        "ca@-acme.example",
        "ca@acme-.example",
        "ca@acme_x.example",
        "<ca@acme.example>",
        "\"c a\"@acme.example",
        "ca,x@acme.example",
        "ca@[10.0.0.1]",
        EmailOf(256)}},
  };
  for (const Field field : {Field::kState, Field::kLocality, Field::kOrganization, Field::kUnit}) {
    rows.push_back({field, {std::begin(invisible), std::end(invisible)}});
    rows.push_back({field, {std::begin(not_utf8), std::end(not_utf8)}});
  }
  for (const BadRow& row : rows) {
    for (const std::string& text : row.texts) {
      EXPECT_THAT(NormalizeAnswer(row.field, text),
                  StatusIs(StatusCode::kInvalidArgument,
                           absl::StrCat(absl::AsciiStrToLower(RowOf(row.field).label), " '",
                                        absl::StripAsciiWhitespace(text), "': must be ",
                                        RowOf(row.field).rule)));
    }
  }
}

TEST(FormTest, MessageNamesFieldTextAndRule) {
  EXPECT_THAT(NormalizeAnswer(Field::kProviderPrefix, "Acme"),
              StatusIs(StatusCode::kInvalidArgument,
                       "provider prefix 'Acme': must be a lowercase letter, then lowercase letters "
                       "or digits"));
  EXPECT_THAT(NormalizeAnswer(Field::kIndex, "18446744073709551616"),
              StatusIs(StatusCode::kInvalidArgument,
                       "index '18446744073709551616': must be at most 18446744073709551615"));
}

TEST(FormTest, WrongAnswerLeavesTheOldOne) {
  Form form;
  EXPECT_FALSE(form.Get(Field::kCountry).has_value());
  ASSERT_THAT(form.Set(Field::kCountry, "us"), IsOk());
  EXPECT_FALSE(form.Set(Field::kCountry, "USA").ok());
  EXPECT_EQ(form.Get(Field::kCountry), "US");
  ASSERT_THAT(form.Set(Field::kCountry, "de"), IsOk());
  EXPECT_EQ(form.Get(Field::kCountry), "DE");
}

TEST(FormTest, MissingListsWhatNeedsAnAnswerInOrder) {
  EXPECT_THAT(Form().Missing(),
              ElementsAre(Field::kCountry, Field::kState, Field::kLocality, Field::kOrganization,
                          Field::kUnit, Field::kProviderPrefix, Field::kUserString, Field::kIndex,
                          Field::kEmail));
  EXPECT_THAT(WholeForm().Missing(), IsEmpty());
  for (const auto& [left_out, unused] : kAnswers) {
    Form form;
    for (const auto& [field, text] : kAnswers) {
      if (field == left_out) continue;
      ASSERT_THAT(form.Set(field, text), IsOk());
    }
    if (left_out == Field::kDeploymentScope) {
      EXPECT_THAT(form.Missing(), IsEmpty());
    } else {
      EXPECT_THAT(form.Missing(), ElementsAre(left_out));
    }
  }
}

TEST(FormTest, NameIsMadeOfItsParts) {
  Form form = WholeForm();
  EXPECT_THAT(form.Name(), IsOkAndHolds(CertificateName{"acme", "dev1", "", 1}));
  ASSERT_THAT(form.Set(Field::kDeploymentScope, "emea"), IsOk());
  ASSERT_THAT(form.Set(Field::kIndex, "12"), IsOk());
  EXPECT_THAT(form.Name(), IsOkAndHolds(CertificateName{"acme", "dev1", "emea", 12}));
}

TEST(FormTest, NameNeedsNoAnswerForTheScope) {
  Form form;
  ASSERT_THAT(form.Set(Field::kProviderPrefix, "acme"), IsOk());
  EXPECT_THAT(form.Name(), StatusIs(StatusCode::kFailedPrecondition,
                                    "the certificate name cannot be made yet: the user string is "
                                    "missing"));
  ASSERT_THAT(form.Set(Field::kUserString, "dev1"), IsOk());
  EXPECT_THAT(form.Name(),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("the index is missing")));
  ASSERT_THAT(form.Set(Field::kIndex, "3"), IsOk());
  EXPECT_THAT(form.Name(), IsOkAndHolds(CertificateName{"acme", "dev1", "", 3}));
}

TEST(FormTest, NameIsCheckedAsAWhole) {
  Form form = WholeForm();
  const std::string longest(kMaxCertificateName - std::string("acme--1").size(), 'u');
  ASSERT_THAT(form.Set(Field::kUserString, longest), IsOk());
  EXPECT_THAT(form.Name(), IsOk());
  EXPECT_THAT(form.Subject(), IsOk());
  ASSERT_THAT(form.Set(Field::kUserString, longest + "u"), IsOk());
  EXPECT_THAT(form.Name(), StatusIs(StatusCode::kInvalidArgument, HasSubstr("65 characters")));
  EXPECT_THAT(form.Subject(), StatusIs(StatusCode::kInvalidArgument, HasSubstr("65 characters")));
}

TEST(FormTest, SubjectHoldsEveryAnswer) {
  ASSERT_OK_AND_ASSIGN(const pki::Subject subject, WholeForm().Subject());
  EXPECT_EQ(subject.country, "US");
  EXPECT_EQ(subject.state, "CA");
  EXPECT_EQ(subject.locality, "Sunnyvale");
  EXPECT_EQ(subject.organization, "Acme, Inc.");
  EXPECT_EQ(subject.organizational_unit, "R/D");
  EXPECT_EQ(subject.common_name, "acme-dev1-1");
  EXPECT_EQ(subject.email, "ca@acme.example");
}

TEST(FormTest, SubjectSaysWhatIsMissing) {
  Form form;
  for (const auto& [field, text] : kAnswers) {
    if (field == Field::kUnit) continue;
    ASSERT_THAT(form.Set(field, text), IsOk());
  }
  EXPECT_THAT(form.Subject(), StatusIs(StatusCode::kFailedPrecondition,
                                       "the subject cannot be made yet: the unit is missing"));
}

TEST(FormTest, WhatTheFormTakesTheSubjectTakes) {
  Form form = WholeForm();
  ASSERT_THAT(form.Set(Field::kState, Times(128, "ü")), IsOk());
  ASSERT_THAT(form.Set(Field::kLocality, Times(128, "𐍈")), IsOk());
  ASSERT_THAT(form.Set(Field::kOrganization, Times(64, "é")), IsOk());
  ASSERT_THAT(form.Set(Field::kUnit, Times(64, "東")), IsOk());
  ASSERT_THAT(form.Set(Field::kEmail, EmailOf(255)), IsOk());
  ASSERT_OK_AND_ASSIGN(const pki::Subject subject, form.Subject());
  EXPECT_THAT(pki::CheckSubject(subject), IsOk());
}

TEST(FormTest, EarlierRequestSuggestsAllButTheOwnPartsOfTheName) {
  ASSERT_OK_AND_ASSIGN(pki::Subject earlier, WholeForm().Subject());
  earlier.common_name = "acme-dev1-emea-7";
  const Form form = SuggestionsOf(earlier);
  EXPECT_THAT(form.Missing(), ElementsAre(Field::kUserString, Field::kIndex));
  EXPECT_EQ(form.Get(Field::kProviderPrefix), "acme");
  EXPECT_EQ(form.Get(Field::kOrganization), "Acme, Inc.");
  EXPECT_FALSE(form.Get(Field::kDeploymentScope).has_value());
}

TEST(FormTest, WhatBreaksTheRulesIsNotSuggested) {
  pki::Subject earlier;
  earlier.country = "usa";
  earlier.state = std::string("bad\n\x01", 5);
  earlier.organization = "Acme";
  earlier.common_name = "www.acme.example";
  earlier.email = "nobody";
  const Form form = SuggestionsOf(earlier);
  EXPECT_THAT(form.Missing(), ElementsAre(Field::kCountry, Field::kState, Field::kLocality,
                                          Field::kUnit, Field::kProviderPrefix, Field::kUserString,
                                          Field::kIndex, Field::kEmail));
}

}  // namespace
}  // namespace jet::cert_request
