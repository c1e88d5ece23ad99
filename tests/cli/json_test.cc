// --json: every line is an object with a type, and the last is the summary.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/program.h"

namespace jet::test {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class JsonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Ran made =
        RunScript(scratch_.path(),
                  "jet-keystore generate --key-name k --key-type ec:p256 --keyring none --quiet "
                  "&& cp /bin/true good && cp /bin/true unsigned && jet-sign good --key k --quiet");
    ASSERT_EQ(made.status, 0) << made.err;
  }

  // Runs `script` and returns its lines of stdout; each must be an object.
  std::vector<json> Lines(const std::string& script, int status) {
    ran_ = RunScript(scratch_.path(), script);
    EXPECT_EQ(ran_.status, status) << script << "\n" << ran_.err;
    std::vector<json> lines;
    std::istringstream stream(ran_.out);
    for (std::string line; std::getline(stream, line);) {
      lines.push_back(json::parse(line, nullptr, /*allow_exceptions=*/false));
      EXPECT_TRUE(lines.back().is_object()) << line;
      EXPECT_TRUE(lines.back().contains("type")) << line;
    }
    return lines;
  }

  Scratch scratch_;
  Ran ran_;
};

TEST_F(JsonTest, EveryCommandEndsWithASummary) {
  const std::vector<std::pair<std::string, int>> commands = {
      {"jet-sign good unsigned --key k --json", 0},
      {"jet-sign good missing --key k --json", 3},
      {"jet-sign missing good --key k --json --fail-fast", 3},
      {"cp -a good copy; jet-sign --strip copy --yes --json", 0},
      {"jet-sign -r . --key k --json --dry-run", 0},
      {"cp /bin/true new; jet-appraise good new --json", 1},
      {"jet-appraise good missing --json", 3},
      {"jet-sign good --key k --detached --quiet; jet-sign apply good --json", 0},
      {"jet-sign apply new --json", 1},
      {"mkdir d; cp /bin/true d; jet-sign -r d --key k --manifest m --quiet; jet-appraise "
       "--manifest "
       "m --root d --json",
       0},
      {"jet-sign apply --manifest m --root d --json", 0},
      {"jet-keystore list --json", 0},
      {"jet-keystore list --json --keystore none-yet", 0},
      {"jet-certificate-request list --certs-dir none-yet --json", 0},
      {"ring=$(keyctl newring r @s); jet-ima status --keyring $ring --json", 1},
      {"jet show security integrity system-keystore --json", 0},
      {"jet request security integrity appraise file good key k --json", 0},
  };
  for (const auto& [command, status] : commands) {
    // A session keyring of its own: the machine's are left alone.
    const std::vector<json> lines =
        Lines("exec keyctl session - bash -c '" + command + "'", status);
    ASSERT_FALSE(lines.empty()) << command;
    EXPECT_EQ(lines.back()["type"], "summary") << command;
    for (size_t i = 0; i + 1 < lines.size(); ++i) EXPECT_NE(lines[i]["type"], "summary") << command;
  }
}

TEST_F(JsonTest, TypesAreThoseOfTheContract) {
  const std::vector<std::string> known = {"file", "key", "keyring", "check", "note", "summary"};
  for (const char* command :
       {"jet-sign good --key k --json", "jet-appraise good --json", "jet-keystore list --json",
        "jet-keystore show k --json", "jet-ima inspect good --json",
        "jet-keystore generate --key-name two --key-type ec:p256 --keyring none --json",
        "jet-keystore delete two --yes --keyring none --json",
        "jet-certificate-request --country us --state CA --locality S --organization O --unit U "
        "--provider-prefix acme --user-string dev1 --index 1 --email a@acme.example "
        "--key-type ec:p256 --certs-dir certs --json",
        "jet-certificate-request renew acme-dev1-1 --certs-dir certs --json",
        "jet-certificate-request list --certs-dir certs --json"}) {
    for (const json& line : Lines(command, 0))
      EXPECT_THAT(known, Contains(line["type"])) << command;
  }
}

TEST_F(JsonTest, AFileHasEveryMemberWhateverItsVerdict) {
  for (const json& line : Lines("jet-appraise good unsigned --json", 1)) {
    if (line["type"] != "file") continue;
    for (const char* member :
         {"path", "verdict", "key_name", "key_id", "ski", "hash_algorithm", "digest",
          "signature_version", "kernel_cause", "trust", "signature_source", "in_kernel_keyring",
          "signer_current", "detail", "warnings"}) {
      EXPECT_TRUE(line.contains(member)) << member;
    }
  }
}

// A member of a verdict is a text, or null, or whatever the verdict leaves open.
void ExpectTextOrNull(const json& object, const char* member) {
  EXPECT_TRUE(object[member].is_string() || object[member].is_null())
      << member << " of " << object.dump();
}

TEST_F(JsonTest, EveryVerdictHasAnObjectOfTheSameMembers) {
  const std::vector<json> lines = Lines(
      "for f in mismatch unknown-key ambiguous-key no-signature hash-only malformed unsupported; "
      "do cp /bin/true $f; done; mv good valid; jet-sign mismatch --key k --quiet; "
      "printf x >>mismatch; "
      "for n in stranger one; do mkdir $n; jet-keystore generate --key-name $n --key-type ec:p256 "
      "--out-dir "
      "$n --no-encryption --quiet; done; "
      "jet-sign unknown-key --private-key stranger/ima-privkey.pem --x509-cert "
      "stranger/ima-cert.x509 --quiet; "
      "jet-sign ambiguous-key --private-key one/ima-privkey.pem --x509-cert one/ima-cert.x509 "
      "--quiet; "
      "id=$(openssl x509 -in one/ima-cert.x509 -inform DER -noout -ext subjectKeyIdentifier | tail "
      "-n 1 | tr -d ' '); "
      "printf '[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=e\n[dn]\nCN=twin\n[e]\n"
      "subjectKeyIdentifier=AA:BB:%s\n' ${id: -11} >twin.cnf; "
      "openssl req -x509 -config twin.cnf -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
      "-keyout "
      "twin.key -out twin.pem 2>log; "
      "setfattr -n security.ima -v 0x0404$(printf '%064d' 0) hash-only; "
      "setfattr -n security.ima -v 0x030204 malformed; "
      "setfattr -n security.ima -v 0x030304aabbccdd000400112233 unsupported; "
      "jet-appraise valid mismatch unknown-key ambiguous-key no-signature hash-only malformed "
      "unsupported --key k --x509-cert one/ima-cert.x509 --x509-cert twin.pem --explain --json "
      "--jobs 1",
      1);
  ASSERT_EQ(lines.size(), 9u) << ran_.err;
  for (size_t i = 0; i < 8; ++i) {
    const json& file = lines[i];
    EXPECT_EQ(file["verdict"], file["path"]);
    EXPECT_EQ(file["trust"], "certificate");
    EXPECT_EQ(file["signature_source"], "xattr");
    for (const char* member :
         {"key_name", "key_id", "ski", "hash_algorithm", "digest", "kernel_cause"}) {
      ExpectTextOrNull(file, member);
    }
    const bool valid = file["verdict"] == "valid";
    EXPECT_EQ(file["detail"] == "", valid);
    EXPECT_EQ(file["signer_current"], valid ? json(true) : json(nullptr));
    EXPECT_TRUE(file["warnings"].is_array());
    ASSERT_FALSE(file["explanation"].empty());
    for (const json& finding : file["explanation"]) {
      EXPECT_TRUE(finding["id"].is_string());
      EXPECT_TRUE(finding["text"].is_string());
      ExpectTextOrNull(finding, "remedy");
    }
    std::string counted = file["verdict"];
    std::replace(counted.begin(), counted.end(), '-', '_');
    EXPECT_EQ(lines[8][counted], 1) << counted;
  }
  EXPECT_EQ(lines[8]["judged"], 8);
  EXPECT_EQ(lines[8]["not_current"], 0);
}

TEST_F(JsonTest, SummaryCounts) {
  const json appraised = Lines("jet-appraise good unsigned missing --json", 3).back();
  EXPECT_EQ(appraised["judged"], 2);
  EXPECT_EQ(appraised["valid"], 1);
  EXPECT_EQ(appraised["failed"], 1);
  const json signed_now = Lines("jet-sign good unsigned --key k --json", 0).back();
  EXPECT_EQ(signed_now["signed"], 1);
  EXPECT_EQ(signed_now["already_valid"], 1);
}

TEST_F(JsonTest, SignResults) {
  const std::vector<json> lines =
      Lines("echo text > text; jet-sign good unsigned text --key k --jobs 1 --json", 3);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0]["result"], "already-valid");
  EXPECT_EQ(lines[1]["result"], "signed");
  EXPECT_EQ(lines[1]["key_name"], "k");
  EXPECT_EQ(lines[2]["result"], "failed");
  EXPECT_THAT(ran_.err, HasSubstr("text: not signed"));
}

TEST_F(JsonTest, SaysWhereSignaturesComeFromAndGo) {
  const std::vector<json> lines = Lines(
      "mkdir d; cp /bin/true d/f; jet-sign d/f --key k --json; jet-sign d/f --key k --detached "
      "--json; jet-sign -r d --key k --manifest m --json; jet-appraise d/f --json; jet-appraise "
      "d/f "
      "--detached --json; jet-appraise --manifest m --root d --json",
      0);
  std::vector<std::string> places;
  for (const json& line : lines) {
    if (line["type"] != "file" || line.value("result", "") == "skipped") continue;
    const bool made = line.contains("result");
    EXPECT_EQ(line[made ? "result" : "verdict"], made ? "signed" : "valid");
    places.push_back(line[made ? "signature_destination" : "signature_source"]);
  }
  EXPECT_THAT(places, testing::ElementsAre("xattr", "detached", "manifest", "xattr", "detached",
                                           "manifest"));
}

TEST_F(JsonTest, ApplyResults) {
  const std::vector<json> lines = Lines(
      "for f in a b c; do cp /bin/true $f; done; jet-sign a b --key k --detached --quiet; printf x "
      ">>b; jet-sign apply a b c missing --jobs 1 --json",
      3);
  ASSERT_EQ(lines.size(), 5u);
  const char* results[] = {"applied", "refused", "missing-signature", "failed"};
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(lines[i]["result"], results[i]);
  EXPECT_EQ(lines[0]["verdict"], "valid");
  EXPECT_EQ(lines[0]["key_name"], "k");
  EXPECT_EQ(lines[1]["verdict"], "mismatch");
  for (size_t i = 1; i < 4; ++i) EXPECT_TRUE(lines[i]["detail"].is_string());
  for (const char* member : {"applied", "refused", "missing_signature", "failed"}) {
    EXPECT_EQ(lines[4][member], 1) << member;
  }
  for (const char* member : {"would_apply", "already_valid", "not_permitted", "skipped"}) {
    EXPECT_EQ(lines[4][member], 0) << member;
  }
}

TEST_F(JsonTest, NamesOfAnyBytesCanBeRead) {
  const std::vector<json> lines = Lines(
      "f=$'new\\nline\\e[31m'; cp /bin/true \"$f\"; b=$'bad\\xff\\xfe'; cp /bin/true \"$b\"; "
      "jet-sign \"$f\" \"$b\" --key k --jobs 1 --json",
      0);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0]["path"], "new\nline\x1b[31m");
  EXPECT_FALSE(lines[0].contains("path_base64"));
  EXPECT_EQ(lines[1]["path"], "bad\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(lines[1]["path_base64"], "YmFk//4=");
  EXPECT_THAT(ran_.out, Not(HasSubstr("\x1b")));
}

TEST_F(JsonTest, ErrorsThatNameSuchFilesAreJsonToo) {
  const std::vector<json> lines =
      Lines("jet-appraise $'no\\xffne' --json; jet-sign $'no\\xffne' --key k --json", 3);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0]["path_base64"], "bm//bmU=");
  EXPECT_TRUE(lines[0]["verdict"].is_null());
  EXPECT_EQ(lines[2]["result"], "failed");
  EXPECT_THAT(ran_.err, HasSubstr("no\\xffne: not appraised"));
}

}  // namespace
}  // namespace jet::test
