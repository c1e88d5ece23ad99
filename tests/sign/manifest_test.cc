#include "sign/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/hex.h"
#include "ima/signature.h"
#include "tests/status_matchers.h"

namespace jet::sign {
namespace {

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using test::ValueOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kMutations = 20000;
constexpr unsigned kSeed = 20241122;

crypto::Digest DigestOf(absl::string_view text,
                        crypto::HashAlgorithm hash = crypto::HashAlgorithm::kSha256) {
  return ValueOf(crypto::ComputeDigest(hash, base::AsBytes(text)));
}

ManifestEntry EntryOf(const std::string& path) {
  return {
      path, DigestOf(path), {0xde, 0xad, 0xbe, 0xef}, base::ToBytes(base::AsBytes("signature"))};
}

// Adds the last line, whatever stands before it.
std::string Ended(const std::string& lines) {
  const auto entries = std::count(lines.begin(), lines.end(), '\n') - 1;
  return absl::StrCat(lines, "end ", entries, " sha256:", base::HexEncode(DigestOf(lines).value()),
                      "\n");
}

std::string LineOf(absl::string_view path_text, absl::string_view mark = "") {
  return absl::StrCat(mark, "sha256:", std::string(64, 'a'), " deadbeef c2ln ", path_text, "\n");
}

std::string WithLines(absl::string_view lines) {
  return Ended(absl::StrCat("jet-manifest 1\n", lines));
}

std::vector<std::string> PathsOf(const std::string& text) {
  std::vector<std::string> paths;
  for (const ManifestEntry& entry : ValueOf(DecodeManifest(text))) paths.push_back(entry.path);
  return paths;
}

TEST(ManifestTest, IsThisText) {
  ManifestEntry second = EntryOf("sub/b");
  second.digest = DigestOf("x", crypto::HashAlgorithm::kSha512);
  const std::string lines = absl::StrCat(
      "jet-manifest 1\n",  //
      "\\sha256:", base::HexEncode(DigestOf("a\nb").value()), " deadbeef c2lnbmF0dXJl a\\nb\n",
      "sha512:", base::HexEncode(second.digest.value()), " deadbeef c2lnbmF0dXJl sub/b\n");
  EXPECT_EQ(ValueOf(EncodeManifest({second, EntryOf("a\nb")})),
            absl::StrCat(lines, "end 2 sha256:", base::HexEncode(DigestOf(lines).value()), "\n"));
}

TEST(ManifestTest, GivesBackWhatWasEncoded) {
  const std::vector<std::string> paths = {
      "a",         "a b", " ",           "\\",    "\\n", "\r", "\n\n",
      "b\xff\x01", "b/c", "b/\\sha256:", "end 1", "-",   "~"};
  std::vector<ManifestEntry> entries;
  entries.reserve(paths.size());
  for (const std::string& path : paths) entries.push_back(EntryOf(path));
  const std::string text = ValueOf(EncodeManifest(entries));
  const std::vector<ManifestEntry> decoded = ValueOf(DecodeManifest(text));
  ASSERT_EQ(decoded.size(), paths.size());
  EXPECT_TRUE(std::is_sorted(decoded.begin(), decoded.end(),
                             [](const auto& a, const auto& b) { return a.path < b.path; }));
  for (const ManifestEntry& entry : decoded) {
    EXPECT_EQ(entry.digest, DigestOf(entry.path)) << entry.path;
    EXPECT_EQ(entry.key_id, (ima::KeyId{0xde, 0xad, 0xbe, 0xef}));
    EXPECT_EQ(base::AsText(entry.signature), "signature");
  }
  EXPECT_EQ(ValueOf(EncodeManifest(decoded)), text);
}

TEST(ManifestTest, MayBeEmpty) {
  EXPECT_TRUE(ValueOf(DecodeManifest(ValueOf(EncodeManifest({})))).empty());
}

TEST(ManifestTest, StandsForTheExactAttribute) {
  const base::Bytes value = ValueOf(ima::EncodeSignature(
      {crypto::HashAlgorithm::kSha384, {1, 2, 3, 4}, base::Bytes(384, uint8_t{7})}));
  const crypto::Digest digest = DigestOf("content", crypto::HashAlgorithm::kSha384);
  const ManifestEntry entry = ValueOf(MakeManifestEntry("f", digest, value));
  EXPECT_EQ(ValueOf(XattrOf(entry)), value);
  const std::string text = ValueOf(EncodeManifest({entry}));
  EXPECT_EQ(ValueOf(XattrOf(ValueOf(DecodeManifest(text)).front())), value);
}

TEST(ManifestTest, HoldsOnlySignaturesOverTheDigestItHas) {
  const base::Bytes value = ValueOf(ima::EncodeSignature(
      {crypto::HashAlgorithm::kSha384, {1, 2, 3, 4}, base::Bytes(8, uint8_t{7})}));
  EXPECT_THAT(MakeManifestEntry("f", DigestOf("x"), value),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("not a signature")));
  base::Bytes cut = value;
  cut.pop_back();
  EXPECT_THAT(MakeManifestEntry("f", DigestOf("x", crypto::HashAlgorithm::kSha384), cut),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("not a signature")));
}

TEST(ManifestTest, NamesOnlyWhatIsBelowItsRoot) {
  for (const std::string& path :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string("."),
        std::string(".."), std::string("../a"), std::string("a/../b"), std::string("a/./b"),
        std::string("a/.."), std::string("a\0b", 3), std::string(kMaxManifestPath + 1, 'a')}) {
    EXPECT_THAT(EncodeManifest({EntryOf(path)}),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("path")))
        << path;
    EXPECT_THAT(DecodeManifest(WithLines(LineOf(path))),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 2")))
        << path;
  }
  const std::string longest(kMaxManifestPath, '\n');
  EXPECT_THAT(PathsOf(ValueOf(EncodeManifest({EntryOf(longest)}))), ElementsAre(longest));
}

TEST(ManifestTest, HasEveryPathOnceAndInOrder) {
  EXPECT_THAT(EncodeManifest({EntryOf("a"), EntryOf("a")}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("twice")));
  EXPECT_THAT(PathsOf(WithLines(LineOf("a") + LineOf("b"))), ElementsAre("a", "b"));
  EXPECT_THAT(DecodeManifest(WithLines(LineOf("a") + LineOf("a"))),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 3")));
  EXPECT_THAT(DecodeManifest(WithLines(LineOf("b") + LineOf("a"))),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 3")));
  // By bytes, not by components: '-' comes before '/'.
  EXPECT_THAT(PathsOf(WithLines(LineOf("a-b") + LineOf("a/b"))), ElementsAre("a-b", "a/b"));
}

TEST(ManifestTest, HasOneEncodingOnly) {
  const std::string good = LineOf("a");
  EXPECT_THAT(DecodeManifest(WithLines(good)), IsOk());
  EXPECT_THAT(DecodeManifest(WithLines(LineOf("a\\nb", "\\"))), IsOk());
  for (const std::string& line :
       {LineOf("a", "\\"),        // nothing to escape
        LineOf("a\\nb\\", "\\"),  // half an escape
        LineOf("a\\tb", "\\"),    // none of the escapes
        LineOf("a\\nb"),          // a backslash, and the line is not marked
        LineOf("a\rb"),
        LineOf("a\r"),
        LineOf("a\rb", "\\"),
        absl::StrReplaceAll(good, {{"sha256", "sha1"}}),
        absl::StrReplaceAll(good, {{"sha256", "SHA256"}}),
        absl::StrReplaceAll(good, {{"sha256", "sha512"}}),  // another size
        absl::StrReplaceAll(good, {{"aa ", "AA "}}),
        absl::StrReplaceAll(good, {{"deadbeef", "DEADBEEF"}}),
        absl::StrReplaceAll(good, {{"deadbeef", "deadbe"}}),
        absl::StrReplaceAll(good, {{"c2ln", "c2ln===="}}),
        absl::StrReplaceAll(good, {{"c2ln", "c2l"}}),
        absl::StrReplaceAll(good, {{"c2ln", "c2k"}}),   // without its padding
        absl::StrReplaceAll(good, {{"c2ln", "c2l="}}),  // surplus bits set
        absl::StrReplaceAll(good, {{"c2ln", "c2-n"}}),
        absl::StrReplaceAll(good, {{"c2ln", ""}}),
        absl::StrReplaceAll(good, {{" c2ln", "  c2ln"}}),
        absl::StrReplaceAll(good, {{"c2ln ", "c2ln\t"}}),
        std::string("\n"),
        std::string("sha256\n")}) {
    EXPECT_THAT(DecodeManifest(WithLines(line)),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("line 2 of the manifest")))
        << line;
  }
}

TEST(ManifestTest, IsOfThisVersion) {
  for (const char* header : {"", "jet-manifest 2\n", "jet-manifest 1", "jet-manifest 1 \n", "\n",
                             "Jet-manifest 1\n", "jet-manifest 1\r\n"}) {
    EXPECT_THAT(DecodeManifest(Ended(header)),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("no manifest")))
        << header;
  }
}

TEST(ManifestTest, CutOffAnywhereIsNoManifest) {
  const std::string text = ValueOf(EncodeManifest({EntryOf("a"), EntryOf("b\\"), EntryOf("c")}));
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(DecodeManifest(text.substr(0, size)).ok()) << size;
  }
  EXPECT_THAT(DecodeManifest(text), IsOk());
}

TEST(ManifestTest, WhatFollowsItsEndIsRefused) {
  const std::string text = ValueOf(EncodeManifest({EntryOf("a")}));
  for (const std::string& more : {std::string("\n"), std::string("x"), std::string(1, '\0')}) {
    EXPECT_THAT(DecodeManifest(text + more), StatusIs(StatusCode::kDataLoss, HasSubstr("cut off")));
  }
  EXPECT_THAT(DecodeManifest(text + text), StatusIs(StatusCode::kDataLoss, HasSubstr("cut off")));
}

TEST(ManifestTest, MissesALineThatWasTakenOut) {
  const std::string text = ValueOf(EncodeManifest({EntryOf("a"), EntryOf("b")}));
  const size_t line = text.find('\n') + 1;
  const std::string without = text.substr(0, line) + text.substr(text.find('\n', line) + 1);
  EXPECT_THAT(DecodeManifest(without), StatusIs(StatusCode::kDataLoss, HasSubstr("cut off")));
}

TEST(ManifestTest, DoesNotReadALineLongerThanAnyItWrites) {
  const std::string huge = LineOf(std::string(1 << 20, 'a'));
  EXPECT_THAT(DecodeManifest(WithLines(huge)),
              StatusIs(StatusCode::kDataLoss, HasSubstr("cut off")));
}

// One change of `text`: a byte, or a piece taken out, doubled or swapped.
std::string Mutate(std::string text, std::mt19937& random) {
  const size_t at = random() % text.size();
  const size_t size = 1 + random() % 100;
  switch (random() % 5) {
    case 0:
      text[at] = static_cast<char>(random());
      return text;
    case 1:
      text[at] = static_cast<char>(text[at] ^ (1U << random() % 8));
      return text;
    case 2:
      return text.erase(at, size);
    case 3:
      return text.insert(random() % text.size(), text.substr(at, size));
    default:
      std::swap(text[at], text[random() % text.size()]);
      return text;
  }
}

TEST(ManifestTest, NoChangeOfItIsTaken) {
  const std::string text = ValueOf(
      EncodeManifest({EntryOf("bin/a"), EntryOf("bin/b\nc"), EntryOf("lib/x.so"), EntryOf("z")}));
  std::mt19937 random(kSeed);
  int changed = 0;
  for (int i = 0; i < kMutations; ++i) {
    const std::string mutated = Mutate(text, random);
    if (mutated == text) continue;
    ++changed;
    EXPECT_FALSE(DecodeManifest(mutated).ok()) << mutated;
  }
  EXPECT_GT(changed, kMutations / 2);
}

// The same with a last line that fits, as an attacker would write it: what is taken is the one
// encoding of what it says.
TEST(ManifestTest, WhatIsTakenIsWhatWouldBeWritten) {
  const std::string whole = ValueOf(
      EncodeManifest({EntryOf("bin/a"), EntryOf("bin/b\nc"), EntryOf("lib/x.so"), EntryOf("z")}));
  const std::string lines = whole.substr(0, whole.rfind("end "));
  std::mt19937 random(kSeed);
  int taken = 0;
  for (int i = 0; i < kMutations; ++i) {
    const std::string mutated = Ended(Mutate(lines, random));
    const auto decoded = DecodeManifest(mutated);
    if (!decoded.ok()) continue;
    ++taken;
    EXPECT_EQ(ValueOf(EncodeManifest(*decoded)), mutated);
  }
  EXPECT_GT(taken, 100);
}

}  // namespace
}  // namespace jet::sign
