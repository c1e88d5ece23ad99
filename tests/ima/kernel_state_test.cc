#include "ima/kernel_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "ima/command_line.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::ima {
namespace {

namespace fs = std::filesystem;

using absl::StatusCode;
using test::IsOk;
using test::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kRelease[] = "6.1.0-test";

constexpr char kSecurityfsMount[] =
    "proc /proc proc rw 0 0\nsecurityfs /sys/kernel/security securityfs rw 0 0\n";

std::string Gzip(const std::string& text) {
  std::string compressed(text.size() + 1024, '\0');
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string input = text;
  stream.next_in = reinterpret_cast<Bytef*>(&input[0]);
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(&compressed[0]);
  stream.avail_out = static_cast<uInt>(compressed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  compressed.resize(stream.total_out);
  EXPECT_EQ(deflateEnd(&stream), Z_OK);
  return compressed;
}

// The files of a machine, below a folder.
class Machine {
 public:
  Machine() { Put("proc/cmdline", "console=ttyS0\n"); }

  Machine& Put(const std::string& path, const std::string& content, mode_t mode = 0644) {
    const fs::path file = fs::path(folder_.path()) / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    EXPECT_EQ(chmod(file.c_str(), mode), 0);
    return *this;
  }

  Machine& WithIma() {
    fs::create_directories(fs::path(folder_.path()) / "sys/kernel/security/ima");
    return *this;
  }

  Machine& WithSecureBoot(char value) {
    return Put("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
               std::string("\6\0\0\0", 4) + value);
  }

  Machine& CommandLine(const std::string& line) { return Put("proc/cmdline", line + "\n"); }

  Machine& Config(const std::string& text) {
    return Put(absl::StrCat("boot/config-", kRelease), text);
  }

  KernelState Read() const { return ReadKernelState(folder_.path(), kRelease); }
  std::string root() const { return folder_.path(); }

 private:
  test::ScratchFolder folder_;
};

TEST(PresenceTest, TheFolderOfSecurityfsIsProof) {
  const KernelState state = Machine().WithIma().Read();
  EXPECT_EQ(state.ima.word, Presence::kPresent);
  EXPECT_EQ(state.ima.why, "");
  EXPECT_THAT(state.unreadable, IsEmpty());
}

TEST(PresenceTest, AMountedSecurityfsWithoutTheFolderMeansThatThereIsNoIma) {
  const KernelState state = Machine().Put("proc/mounts", kSecurityfsMount).Read();
  EXPECT_EQ(state.ima.word, Presence::kAbsent);
  EXPECT_THAT(state.ima.why, HasSubstr("/sys/kernel/security/ima"));
}

TEST(PresenceTest, ASecurityfsThatIsMountedElsewhereTellsNothing) {
  const KernelState state =
      Machine().Put("proc/mounts", "securityfs /mnt securityfs rw 0 0\n").Read();
  EXPECT_EQ(state.ima.word, Presence::kUnknown);
}

TEST(PresenceTest, WithoutSecurityfsTheConfigurationTells) {
  const KernelState built_in = Machine().Config("CONFIG_IMA=y\n").Read();
  EXPECT_EQ(built_in.ima.word, Presence::kPresent);
  EXPECT_THAT(built_in.ima.why, HasSubstr("securityfs is not mounted"));
  EXPECT_EQ(built_in.policy, PolicyState::kUnknown);
  const KernelState absent = Machine().Config("# CONFIG_IMA is not set\n").Read();
  EXPECT_EQ(absent.ima.word, Presence::kAbsent);
  EXPECT_THAT(absent.ima.why, HasSubstr("CONFIG_IMA is not set in /boot/config-6.1.0-test"));
}

TEST(PresenceTest, WithNeitherNothingIsKnown) {
  const KernelState state = Machine().Read();
  EXPECT_EQ(state.ima.word, Presence::kUnknown);
  EXPECT_EQ(state.appraise.word, AppraiseMode::kUnknown);
}

TEST(KernelConfigTest, TheKernelsOwnWordComesBeforeTheFileOfThePackage) {
  Machine machine;
  machine.Put("proc/config.gz", Gzip("CONFIG_IMA=y\nCONFIG_CRYPTO_ECDSA=m\nCONFIG_HZ=250\n"))
      .Config("# CONFIG_IMA is not set\n");
  ASSERT_OK_AND_ASSIGN(const KernelConfig config, KernelConfig::Read(machine.root(), kRelease));
  EXPECT_EQ(config.path(), "/proc/config.gz");
  EXPECT_EQ(config.Of("IMA"), KernelConfig::Value::kYes);
  EXPECT_EQ(config.Of("CRYPTO_ECDSA"), KernelConfig::Value::kModule);
  EXPECT_EQ(config.Of("HZ"), KernelConfig::Value::kNo);
  EXPECT_EQ(config.Of("IM"), KernelConfig::Value::kNo);
}

TEST(KernelConfigTest, TheFileBesideTheModulesIsTheLastResort) {
  Machine machine;
  machine.Put(absl::StrCat("lib/modules/", kRelease, "/config"), "CONFIG_IMA=y\n");
  ASSERT_OK_AND_ASSIGN(const KernelConfig config, KernelConfig::Read(machine.root(), kRelease));
  EXPECT_EQ(config.Of("IMA"), KernelConfig::Value::kYes);
}

TEST(KernelConfigTest, AConfigurationThatDoesNotDecompressIsSaidAndStopsNothing) {
  const std::string whole = Gzip("CONFIG_IMA=y\n");
  Machine machine;
  machine.WithIma().Put("proc/config.gz", whole.substr(0, whole.size() / 2));
  EXPECT_THAT(KernelConfig::Read(machine.root(), kRelease),
              StatusIs(StatusCode::kDataLoss, HasSubstr("'/proc/config.gz'")));
  const KernelState state = machine.Read();
  EXPECT_THAT(state.unreadable, ElementsAre(HasSubstr("/proc/config.gz")));
  EXPECT_EQ(state.ima.word, Presence::kPresent);
}

TEST(KernelConfigTest, OneThatIsTooLargeIsRefused) {
  Machine machine;
  machine.Put("proc/config.gz", Gzip(std::string(5 * 1024 * 1024, '#')));
  EXPECT_THAT(KernelConfig::Read(machine.root(), kRelease),
              StatusIs(StatusCode::kDataLoss, HasSubstr("/proc/config.gz")));
}

TEST(KernelConfigTest, WithoutAnyItIsNotFound) {
  EXPECT_THAT(KernelConfig::Read(Machine().root(), kRelease),
              StatusIs(StatusCode::kNotFound, HasSubstr("configuration")));
}

struct ModeCase {
  const char* line;
  AppraiseMode mode;
};

TEST(AppraiseModeTest, IsWhatTheKernelMakesOfItsCommandLine) {
  for (const ModeCase& row :
       {ModeCase{"quiet", AppraiseMode::kEnforce}, ModeCase{"ima_appraise=fix", AppraiseMode::kFix},
        ModeCase{"ima_appraise=log", AppraiseMode::kLog},
        ModeCase{"ima_appraise=off", AppraiseMode::kOff},
        ModeCase{"ima_appraise=enforce", AppraiseMode::kEnforce},
        // The kernel compares beginnings, and takes the last one.
        ModeCase{"ima_appraise=offline", AppraiseMode::kOff},
        ModeCase{"ima_appraise=fix ima_appraise=log", AppraiseMode::kLog},
        ModeCase{"ima_appraise=Off", AppraiseMode::kEnforce},
        ModeCase{"ima_appraise=", AppraiseMode::kEnforce},
        ModeCase{"ima-appraise=fix", AppraiseMode::kFix},
        ModeCase{"\"ima_appraise=fix\"", AppraiseMode::kFix},
        ModeCase{"xima_appraise=fix", AppraiseMode::kEnforce},
        ModeCase{"note=\"a ima_appraise=fix\"", AppraiseMode::kEnforce},
        ModeCase{"init=/x -- ima_appraise=fix", AppraiseMode::kEnforce}}) {
    EXPECT_EQ(Machine().WithIma().CommandLine(row.line).Read().appraise.word, row.mode) << row.line;
  }
}

TEST(AppraiseModeTest, SaysWhatItRestsOn) {
  EXPECT_EQ(Machine().WithIma().Read().appraise.why, "the default");
  EXPECT_EQ(Machine().WithIma().CommandLine("ima_appraise=fix").Read().appraise.why,
            "ima_appraise=fix");
  EXPECT_THAT(Machine().WithIma().CommandLine("ima_appraise=on").Read().appraise.why,
              HasSubstr("ima_appraise=on means nothing"));
}

TEST(AppraiseModeTest, AKernelWithoutAppraisalHasNone) {
  const KernelState state = Machine().WithIma().Config("CONFIG_IMA=y\n").Read();
  EXPECT_EQ(state.appraise.word, AppraiseMode::kNotSupported);
  EXPECT_THAT(state.appraise.why, HasSubstr("CONFIG_IMA_APPRAISE is not set"));
}

TEST(AppraiseModeTest, AKernelWithoutTheParameterEnforces) {
  const KernelState state = Machine()
                                .WithIma()
                                .Config("CONFIG_IMA=y\nCONFIG_IMA_APPRAISE=y\n")
                                .CommandLine("ima_appraise=off")
                                .Read();
  EXPECT_EQ(state.appraise.word, AppraiseMode::kEnforce);
  EXPECT_THAT(state.appraise.why, HasSubstr("ignores ima_appraise=off"));
}

TEST(AppraiseModeTest, SecureBootOverrulesTheParameterWhereTheKernelLooksAtIt) {
  const std::string looks =
      "CONFIG_IMA_APPRAISE=y\nCONFIG_IMA_APPRAISE_BOOTPARAM=y\n"
      "CONFIG_IMA_SECURE_AND_OR_TRUSTED_BOOT=y\n";
  Machine machine;
  machine.WithIma().WithSecureBoot(1).Config(looks).CommandLine("ima_appraise=off");
  EXPECT_EQ(machine.Read().appraise.word, AppraiseMode::kEnforce);
  EXPECT_THAT(machine.Read().appraise.why, HasSubstr("secure boot overrules ima_appraise=off"));
  machine.WithSecureBoot(0);
  EXPECT_EQ(machine.Read().appraise.word, AppraiseMode::kOff);
  machine.WithSecureBoot(1).Config("CONFIG_IMA_APPRAISE=y\nCONFIG_IMA_APPRAISE_BOOTPARAM=y\n");
  EXPECT_EQ(machine.Read().appraise.word, AppraiseMode::kOff);
}

TEST(AppraiseModeTest, UnderSecureBootAndWithoutTheConfigurationItCannotBeTold) {
  Machine machine;
  machine.WithIma().WithSecureBoot(1).CommandLine("ima_appraise=fix");
  EXPECT_EQ(machine.Read().appraise.word, AppraiseMode::kUnknown);
  machine.CommandLine("ima_appraise=enforce");
  EXPECT_EQ(machine.Read().appraise.word, AppraiseMode::kEnforce);
}

TEST(PolicyTest, AFileThatIsGoneOrLostItsWriteBitIsFinal) {
  EXPECT_EQ(Machine().WithIma().Read().policy, PolicyState::kFinal);
  const std::string file = "sys/kernel/security/ima/policy";
  EXPECT_EQ(Machine().Put(file, "", 0200).Read().policy, PolicyState::kOpen);
  const KernelState read_only =
      Machine().Put(file, "appraise func=A\nmeasure func=B\nappraise func=C\n", 0400).Read();
  EXPECT_EQ(read_only.policy, PolicyState::kFinal);
  EXPECT_EQ(read_only.appraise_rules, absl::optional<size_t>(2));
}

TEST(PolicyTest, RulesAreCountedOnlyWhereTheKernelShowsThem) {
  const KernelState state =
      Machine().Put("sys/kernel/security/ima/policy", "appraise func=A\n", 0200).Read();
  EXPECT_EQ(state.appraise_rules, absl::nullopt);
  const KernelState empty = Machine().Put("sys/kernel/security/ima/policy", "", 0600).Read();
  EXPECT_EQ(empty.appraise_rules, absl::optional<size_t>(0));
  EXPECT_EQ(empty.policy, PolicyState::kOpen);
}

TEST(CommandLineTest, BootPoliciesAreCollected) {
  EXPECT_THAT(
      ParseImaCommandLine("ima_policy=\"tcb|secure_boot\" ima_policy=appraise_tcb").boot_policies,
      ElementsAre("tcb", "secure_boot", "appraise_tcb"));
  EXPECT_THAT(ParseImaCommandLine("ima_tcb ima_appraise_tcb").boot_policies,
              ElementsAre("tcb", "appraise_tcb"));
  EXPECT_THAT(ParseImaCommandLine("").boot_policies, IsEmpty());
  EXPECT_EQ(ParseImaCommandLine("a=\"b").appraise, absl::nullopt);
}

TEST(EcdsaTest, ARegisteredAlgorithmIsSupportOfItsCurveOnly) {
  const KernelState state =
      Machine().Put("proc/crypto", "name         : ecdsa-nist-p256\ndriver       : x\n").Read();
  EXPECT_EQ(SupportsEcdsa(state, "p256"), absl::optional<bool>(true));
  EXPECT_EQ(SupportsEcdsa(state, "p384"), absl::nullopt);
  EXPECT_EQ(SupportsEcdsa(state, "p25"), absl::nullopt);
}

TEST(EcdsaTest, OnlyAKernelBuiltWithoutItIsKnownToLackIt) {
  Machine machine;
  machine.Put("proc/crypto", "name         : rsa\n");
  EXPECT_EQ(SupportsEcdsa(machine.Read(), "p256"), absl::nullopt);
  machine.Config("CONFIG_CRYPTO_ECDSA=m\n");
  EXPECT_EQ(SupportsEcdsa(machine.Read(), "p256"), absl::nullopt);
  machine.Config("# CONFIG_CRYPTO_ECDSA is not set\n");
  EXPECT_EQ(SupportsEcdsa(machine.Read(), "p256"), absl::optional<bool>(false));
}

TEST(KernelStateTest, WhatIsThereAndCannotBeReadIsSaid) {
  Machine machine;
  machine.WithIma();
  fs::remove(machine.root() + "/proc/cmdline");
  fs::create_directories(machine.root() + "/proc/cmdline");
  const KernelState state = machine.Read();
  EXPECT_EQ(state.appraise.word, AppraiseMode::kUnknown);
  EXPECT_THAT(state.unreadable, ElementsAre(HasSubstr("/proc/cmdline' is not a regular file")));
}

TEST(KernelStateTest, OfTheRunningKernelIsReadWithoutFailing) {
  const KernelState state = ReadKernelState();
  EXPECT_NE(state.release, "");
  ASSERT_TRUE(state.algorithms.has_value());
  EXPECT_THAT(*state.algorithms, testing::Not(IsEmpty()));
}

TEST(KernelStateTest, ModesHaveTheKernelsNames) {
  EXPECT_STREQ(AppraiseModeName(AppraiseMode::kEnforce), "enforce");
  EXPECT_STREQ(AppraiseModeName(AppraiseMode::kLog), "log");
  EXPECT_STREQ(AppraiseModeName(AppraiseMode::kFix), "fix");
  EXPECT_STREQ(AppraiseModeName(AppraiseMode::kOff), "off");
  EXPECT_STREQ(AppraiseModeName(AppraiseMode::kNotSupported), "not-supported");
  EXPECT_STREQ(AppraiseModeName(AppraiseMode::kUnknown), "unknown");
}

}  // namespace
}  // namespace jet::ima
