// What the program asks on a terminal, and that it never shows what is typed there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/cli/on_terminal.h"
#include "tests/cli/program.h"

namespace jet::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kGenerate[] = "jet-keystore generate --key-name k --key-type ec:p256 --out-dir .";
constexpr char kSign[] =
    "jet-sign f --private-key ima-privkey.pem --x509-cert ima-cert.x509 </dev/null";

TEST(TerminalTest, AsksForANewPassphraseTwiceAndForAnOldOneOnce) {
  const Scratch scratch;
  OnTerminal generate(scratch.path(), kGenerate);
  generate.Answer("Passphrase of the new private key './ima-privkey.pem': ", "geheim");
  generate.Answer("again: ", "geheim");
  EXPECT_EQ(generate.Finish(), 0) << generate.seen();
  EXPECT_THAT(generate.seen(), Not(HasSubstr("geheim")));

  ASSERT_EQ(RunScript(scratch.path(), "cp /bin/true f").status, 0);
  OnTerminal sign(scratch.path(), kSign);
  sign.Answer("Passphrase of the private key 'ima-privkey.pem': ", "geheim");
  EXPECT_EQ(sign.Finish(), 0) << sign.seen();
  EXPECT_THAT(sign.seen(), Not(HasSubstr("geheim")));
  EXPECT_EQ(RunScript(scratch.path(), "jet-appraise f --x509-cert ima-cert.x509").status, 0);
}

TEST(TerminalTest, TwoDifferentPassphrasesMakeNoKey) {
  const Scratch scratch;
  OnTerminal generate(scratch.path(), kGenerate);
  generate.Answer("Passphrase of", "one");
  generate.Answer("again: ", "two");
  EXPECT_EQ(generate.Finish(), 3);
  EXPECT_THAT(generate.seen(), HasSubstr("the two passphrases differ"));
  EXPECT_NE(RunScript(scratch.path(), "ls ima-*").status, 0);
}

TEST(TerminalTest, AWrongPassphraseSignsNothingAndIsNotAskedForAgain) {
  const Scratch scratch;
  ASSERT_EQ(RunScript(scratch.path(), "cp /bin/true f; echo right > p; " + std::string(kGenerate) +
                                          " --quiet --passphrase-file p")
                .status,
            0);
  OnTerminal sign(scratch.path(), kSign);
  sign.Answer("Passphrase of", "wrong");
  EXPECT_EQ(sign.Finish(), 3);
  EXPECT_THAT(sign.seen(), HasSubstr("wrong passphrase"));
  EXPECT_NE(RunScript(scratch.path(), "getfattr -n security.ima f").status, 0);
}

TEST(TerminalTest, TheEchoIsOnAgainAfterAnInterrupt) {
  const Scratch scratch;
  ASSERT_EQ(RunScript(scratch.path(), "cp /bin/true f; echo right > p; " + std::string(kGenerate) +
                                          " --quiet --passphrase-file p")
                .status,
            0);
  OnTerminal interrupted(scratch.path(), "trap : INT; " + std::string(kSign) +
                                             "; echo status=$?; stty -a; [ -z \"$(getfattr -n "
                                             "security.ima f 2>/dev/null)\" ]");
  interrupted.Answer("Passphrase of", "\x03");
  EXPECT_EQ(interrupted.Finish(), 0) << interrupted.seen();
  // 128 and SIGINT: the program was ended by the signal, not by an error of its own.
  EXPECT_THAT(interrupted.seen(), HasSubstr("status=130"));
  EXPECT_THAT(interrupted.seen(), HasSubstr(" echo "));
  EXPECT_THAT(interrupted.seen(), Not(HasSubstr("-echo ")));
}

// A key under the passphrase of `length` times "0", which is in the file `p` without a newline, and
// a file to sign.
void MakeKeyFile(const Scratch& scratch, int length) {
  ASSERT_EQ(
      RunScript(scratch.path(), absl::StrCat("cp /bin/true f; printf '%0", length, "d' 0 >p; ",
                                             kGenerate, " --quiet --passphrase-file p"))
          .status,
      0);
}

TEST(TerminalTest, TheEchoIsOnAgainAfterEverySignalThatEndsTheProgram) {
  const Scratch scratch;
  MakeKeyFile(scratch, /*length=*/6);
  for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) {
    OnTerminal ended(scratch.path(), absl::StrCat("ulimit -c 0; exec ", kSign));
    ended.WaitForSilence("Passphrase of");
    ended.Signal(signal);
    EXPECT_EQ(ended.Finish(), 128 + signal) << ended.seen();
    EXPECT_EQ(ended.Settings(), ended.settings_before()) << signal;
  }
}

TEST(TerminalTest, ASignalThatTheProgramIgnoresDoesNotEndTheQuestion) {
  const Scratch scratch;
  MakeKeyFile(scratch, /*length=*/6);
  OnTerminal sign(scratch.path(), absl::StrCat("trap '' INT; exec ", kSign));
  sign.WaitForSilence("Passphrase of");
  sign.Signal(SIGINT);
  sign.Answer("", "000000");
  EXPECT_EQ(sign.Finish(), 0) << sign.seen();
}

TEST(TerminalTest, TheEchoIsOnWhileTheProgramIsStoppedAndItAsksAgainWhenItGoesOn) {
  const Scratch scratch;
  MakeKeyFile(scratch, /*length=*/6);
  OnTerminal sign(scratch.path(),
                  absl::StrCat("set -m; ", kSign, "; echo status=$?; stty -a; fg; echo ended=$?"));
  sign.WaitForSilence("Passphrase of");
  sign.Type("", "\x1a");
  sign.WaitFor("status=148");
  sign.WaitFor(" echo ");
  sign.Answer("Passphrase of", "000000");
  sign.WaitFor("ended=0");
  EXPECT_EQ(sign.Finish(), 0);
  EXPECT_THAT(sign.seen(), Not(HasSubstr("000000")));
}

TEST(TerminalTest, APassphraseOverTheLimitIsNotCut) {
  const Scratch scratch;
  MakeKeyFile(scratch, /*length=*/1024);
  OnTerminal at_limit(scratch.path(), kSign);
  at_limit.Answer("Passphrase of", std::string(1024, '0'));
  EXPECT_EQ(at_limit.Finish(), 0) << at_limit.seen();
  for (const size_t length : {1025, 1026, 3000}) {
    OnTerminal longer(scratch.path(), absl::StrCat(kSign, "; ended=$?; stty -a; exit $ended"));
    longer.Answer("Passphrase of", std::string(length, '0'));
    EXPECT_EQ(longer.Finish(), 3) << length;
    EXPECT_THAT(longer.seen(), HasSubstr("is longer than 1024 bytes")) << length;
    EXPECT_THAT(longer.seen(), HasSubstr(" echo ")) << length;
  }
}

TEST(TerminalTest, AsksForThePassphraseOfTheKeystoreOnceAndOnlyWhenItIsNeeded) {
  const Scratch scratch;
  ASSERT_EQ(RunScript(scratch.path(),
                      "cp /bin/true f; jet-keystore generate --key-name k --key-type ec:p256 "
                      "--keyring none --quiet")
                .status,
            0);
  OnTerminal protect(scratch.path(), "jet-keystore protect");
  protect.Answer("New passphrase of the keystore '", "geheim");
  protect.Answer("again: ", "geheim");
  EXPECT_EQ(protect.Finish(), 0) << protect.seen();
  EXPECT_THAT(protect.seen(), Not(HasSubstr("geheim")));

  OnTerminal list(scratch.path(), "jet-keystore list && jet-keystore delete x --yes");
  EXPECT_EQ(list.Finish(), 3);
  EXPECT_THAT(list.seen(), Not(HasSubstr("Passphrase")));

  OnTerminal sign(scratch.path(), "jet-sign f --key k");
  sign.Answer("Passphrase of the keystore '", "geheim");
  EXPECT_EQ(sign.Finish(), 0) << sign.seen();
  OnTerminal change(scratch.path(), "jet-keystore protect");
  change.Answer("Passphrase of the keystore '", "geheim");
  change.Answer("New passphrase of the keystore '", "anders");
  change.Answer("again: ", "anders");
  EXPECT_EQ(change.Finish(), 0) << change.seen();
  OnTerminal wrong(scratch.path(), "jet-keystore rekey");
  wrong.Answer("Passphrase of the keystore '", "geheim");
  EXPECT_EQ(wrong.Finish(), 3);
  EXPECT_THAT(wrong.seen(), HasSubstr("wrong passphrase"));
}

// A keystore with the key `k`, under the passphrase "geheim", and a file to sign.
void MakeProtectedStore(const Scratch& scratch) {
  ASSERT_EQ(RunScript(scratch.path(),
                      "cp /bin/true f; echo geheim > p; jet-keystore generate --key-name k "
                      "--key-type ec:p256 --keyring none --quiet && jet-keystore generate "
                      "--key-name x --key-type ec:p256 --out-dir . --passphrase-file p --quiet && "
                      "jet-keystore protect --new-store-passphrase-file p --quiet")
                .status,
            0);
}

// What needs the lock for itself; it would wait for as long as somebody has the store open.
constexpr char kWriteMeanwhile[] =
    "timeout 10 jet-keystore import --key-name meanwhile --x509-cert ima-cert.x509 --keyring none "
    "--store-passphrase-file p --quiet";

TEST(TerminalTest, SigningKeepsNobodyOutOfTheKeystoreWhileItAsks) {
  const Scratch scratch;
  MakeProtectedStore(scratch);
  OnTerminal sign(scratch.path(), "jet-sign f --key k");
  sign.WaitFor("Passphrase of the keystore '");
  const Ran written = RunScript(scratch.path(), kWriteMeanwhile);
  EXPECT_EQ(written.status, 0) << written.err;
  sign.Answer("': ", "geheim");
  EXPECT_EQ(sign.Finish(), 0) << sign.seen();
  EXPECT_EQ(RunScript(scratch.path(), "jet-appraise f --key k").status, 0);
}

TEST(TerminalTest, SyncKeepsNobodyOutOfTheKeystoreWhileItAsks) {
  const Scratch scratch;
  MakeProtectedStore(scratch);
  ASSERT_EQ(RunScript(scratch.path(),
                      "printf '[[peers]]\nname = \"re1\"\ndestination = \"127.0.0.1\"\n' >c.toml")
                .status,
            0);
  OnTerminal sync(scratch.path(), "jet-keystore sync --config c.toml --color never");
  sync.WaitFor("Passphrase of the keystore '");
  // With its peer: neither the keystore nor the peer's queue may be held.
  const Ran written =
      RunScript(scratch.path(), std::string(kWriteMeanwhile) + " --config c.toml >told");
  EXPECT_EQ(written.status, 3) << written.err;
  EXPECT_EQ(RunScript(scratch.path(), "grep 're1: unreachable, pending' told").status, 0);
  sync.Answer("': ", "geheim");
  EXPECT_EQ(sync.Finish(), 3);
  EXPECT_THAT(sync.seen(), HasSubstr("re1: unreachable, pending"));
}

TEST(TerminalTest, ADamagedStoreKeyLeadsToNoQuestion) {
  const Scratch scratch;
  MakeProtectedStore(scratch);
  ASSERT_EQ(RunScript(scratch.path(), "sed -i 4s/./_/ store/master.key").status, 0);
  for (const char* command :
       {"jet-sign f --key k", "jet-keystore rekey", "jet-keystore rename k l"}) {
    OnTerminal damaged(scratch.path(), command);
    EXPECT_EQ(damaged.Finish(), 3) << command;
    EXPECT_THAT(damaged.seen(), HasSubstr("is damaged")) << command;
    EXPECT_THAT(damaged.seen(), Not(HasSubstr("Passphrase"))) << command;
  }
}

TEST(TerminalTest, NoQuestionForAKeyThatIsNotThereOrCannotSign) {
  const Scratch scratch;
  MakeProtectedStore(scratch);
  ASSERT_EQ(RunScript(scratch.path(), kWriteMeanwhile).status, 0);
  for (const auto& [name, message] :
       {std::pair("none", "there is no key 'none'"), {"meanwhile", "it can verify, not sign"}}) {
    OnTerminal sign(scratch.path(), std::string("jet-sign f --key ") + name);
    EXPECT_EQ(sign.Finish(), 3) << name;
    EXPECT_THAT(sign.seen(), HasSubstr(message));
    EXPECT_THAT(sign.seen(), Not(HasSubstr("Passphrase")));
  }
}

// With the lock held nobody is asked a second time.
TEST(TerminalTest, WhoTypesNothingIsNotAskedAgain) {
  const Scratch scratch;
  MakeProtectedStore(scratch);
  for (const char* command : {"jet-sign f --key k", "jet-keystore verify"}) {
    OnTerminal empty(scratch.path(), command);
    empty.Answer("Passphrase of the keystore '", "");
    EXPECT_EQ(empty.Finish(), 3) << empty.seen();
    EXPECT_EQ(empty.seen().find("Passphrase"), empty.seen().rfind("Passphrase")) << command;
    OnTerminal closed(scratch.path(), command);
    closed.Answer("Passphrase of the keystore '", "\x04");
    EXPECT_EQ(closed.Finish(), 3) << closed.seen();
    EXPECT_EQ(closed.seen().find("Passphrase"), closed.seen().rfind("Passphrase")) << command;
  }
}

TEST(TerminalTest, DeletesOnlyWhenYesIsTyped) {
  const Scratch scratch;
  ASSERT_EQ(
      RunScript(scratch.path(),
                "jet-keystore generate --key-name k --key-type ec:p256 --keyring none --quiet")
          .status,
      0);
  OnTerminal no(scratch.path(), "jet-keystore delete k --keyring none");
  no.Answer("Delete key 'k'?", "y");
  EXPECT_EQ(no.Finish(), 3);
  EXPECT_THAT(no.seen(), HasSubstr("nothing was deleted"));
  EXPECT_EQ(RunScript(scratch.path(), "jet-keystore show k").status, 0);
  OnTerminal yes(scratch.path(), "jet-keystore delete k --keyring none");
  yes.Answer("Delete key 'k'?", "yes");
  EXPECT_EQ(yes.Finish(), 0) << yes.seen();
  EXPECT_EQ(RunScript(scratch.path(), "jet-keystore show k").status, 3);
}

// A tree of 40 files, each of which takes 50 ms to sign, and what a run over it does there.
class ProgressTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(RunScript(scratch_.path(),
                        "mkdir t; for i in {1..40}; do cp /bin/true t/f$i; done; jet-keystore "
                        "generate --key-name k --key-type ec:p256 --keyring none --quiet")
                  .status,
              0);
  }

  std::string Slowly(const std::string& command) const {
    return "ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace -e trace=fsetxattr -e "
           "inject=fsetxattr:delay_exit=50000 " +
           command;
  }

  const Scratch scratch_;
};

TEST_F(ProgressTest, ALineTellsHowFarTheRunIsAndIsGoneAtItsEnd) {
  OnTerminal sign(scratch_.path(), Slowly("jet-sign -r t --key k --jobs 1"));
  sign.WaitFor(" files, ");
  sign.WaitFor(" MB/s");
  sign.WaitFor(" s left");
  EXPECT_EQ(sign.Finish(), 0) << sign.seen();
  const size_t last = sign.seen().rfind("\r\x1b[K");
  ASSERT_NE(last, std::string::npos);
  EXPECT_EQ(sign.seen().substr(last + 4),
            "signed 40, already valid 0, kept 0, skipped 0, failed 0\r\n");
}

TEST_F(ProgressTest, NoLineWithQuietOrJsonOrWithoutATerminal) {
  for (const char* command : {"jet-sign -r t --key k --force --jobs 1 --quiet",
                              "jet-sign -r t --key k --force --jobs 1 --json >out",
                              "jet-sign -r t --key k --force --jobs 1 2>err; cat err"}) {
    OnTerminal sign(scratch_.path(), Slowly(command));
    EXPECT_EQ(sign.Finish(), 0) << sign.seen();
    EXPECT_THAT(sign.seen(), Not(HasSubstr(" files, "))) << command;
    EXPECT_THAT(sign.seen(), Not(HasSubstr("\x1b[K"))) << command;
  }
}

TEST_F(ProgressTest, TheKeyForAnInterruptEndsTheRunInOrder) {
  OnTerminal sign(scratch_.path(), Slowly("jet-sign -r t --key k --jobs 1"));
  sign.Type(" files, ", "\x03");
  EXPECT_EQ(sign.Finish(), 3) << sign.seen();
  EXPECT_THAT(sign.seen(), HasSubstr("interrupted before the end"));
  EXPECT_THAT(sign.seen(), HasSubstr(", failed 0\r\n"));
}

TEST(TerminalTest, StripsOnlyWhenYesIsTyped) {
  const Scratch scratch;
  ASSERT_EQ(RunScript(scratch.path(), "cp /bin/true f; setfattr -n security.ima -v 0x03 f").status,
            0);
  OnTerminal no(scratch.path(), "jet-sign --strip f");
  no.Answer("Remove the signatures of 'f'?", "y");
  EXPECT_EQ(no.Finish(), 3);
  EXPECT_THAT(no.seen(), HasSubstr("nothing was removed"));
  EXPECT_EQ(RunScript(scratch.path(), "getfattr -n security.ima f").status, 0);
  OnTerminal yes(scratch.path(), "jet-sign --strip f");
  yes.Answer("Remove the signatures of 'f'?", "yes");
  EXPECT_EQ(yes.Finish(), 0) << yes.seen();
  EXPECT_NE(RunScript(scratch.path(), "getfattr -n security.ima f").status, 0);
}

}  // namespace
}  // namespace jet::test
