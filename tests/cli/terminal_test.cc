// What the program asks on a terminal, and that it never shows what is typed there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace jet::test
