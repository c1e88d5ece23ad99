// What the program asks on a terminal, and that it never shows what is typed there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "tests/cli/program.h"

namespace jet::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A bash command line running on a terminal of its own.
class OnTerminal {
 public:
  OnTerminal(const std::string& folder, const std::string& script) {
    child_ = forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (child_ != 0) return;
    SetEnvironment(folder);
    if (chdir(folder.c_str()) == 0) execl("/bin/bash", "bash", "-c", script.c_str(), nullptr);
    _exit(127);
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;
  ~OnTerminal() { (void)close(terminal_); }

  // Waits until `text` was printed since the last call, then types `answer` and Enter.
  void Answer(const std::string& text, const std::string& answer) {
    while (seen_.find(text, answered_) == std::string::npos) {
      if (!ReadSome()) {
        ADD_FAILURE() << "'" << text << "' was never asked; seen: " << seen_;
        return;
      }
    }
    answered_ = seen_.size();
    // The question is printed before the echo is turned off, and that drops what was typed early.
    (void)usleep(200 * 1000);
    const std::string line = answer + "\n";
    ASSERT_EQ(write(terminal_, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }

  // Waits for the end and returns the exit status.
  int Finish() {
    while (ReadSome()) {
    }
    int status = 0;
    if (waitpid(child_, &status, 0) != child_ || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
  }

  const std::string& seen() const { return seen_; }

 private:
  bool ReadSome() {
    pollfd waiting = {terminal_, POLLIN, 0};
    if (poll(&waiting, 1, /*timeout=*/20 * 1000) != 1) return false;
    std::array<char, 4096> buffer;
    const ssize_t count = read(terminal_, buffer.data(), buffer.size());
    if (count <= 0) return false;
    seen_.append(buffer.data(), static_cast<size_t>(count));
    return true;
  }

  pid_t child_ = -1;
  int terminal_ = -1;
  std::string seen_;
  size_t answered_ = 0;
};

constexpr char kGenerate[] = "jet-keystore generate --key-name k --key-type ec:p256 --out-dir .";
constexpr char kSign[] = "jet-sign f --private-key ima-privkey.pem --x509-cert ima-cert.x509 </dev/null";

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

TEST(TerminalTest, DeletesOnlyWhenYesIsTyped) {
  const Scratch scratch;
  ASSERT_EQ(RunScript(scratch.path(),
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
