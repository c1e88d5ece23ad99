// The questions of jet-certificate-request, answered on a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "tests/cli/on_terminal.h"
#include "tests/cli/program.h"

namespace jet::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kAsk[] =
    "exec jet-certificate-request --certs-dir c --key-type ec:p256 --no-encryption";
constexpr char kAskForPassphrase[] =
    "exec jet-certificate-request --certs-dir c --key-type ec:p256";
constexpr char kConfirm[] = "Make the key and the request? [yes, no, change] (yes) ";

struct Question {
  std::string prompt;
  std::string wrong;  // an answer that breaks the rule
  std::string rule;   // what is said then
  std::string help;   // part of what "?" says
  std::string answer;
};

const std::vector<Question>& Questions() {
  static const std::vector<Question> kQuestions = {
      {"Country [US]: ", "USA", "The country must be two letters", "ISO 3166", "us"},
      {"State: ", "", "The state must be 1 to 128 visible characters", "province", "CA"},
      {"City: ", std::string(129, 'x'), "The city must be 1 to 128", "town", "Sunnyvale"},
      {"Organization: ", std::string(65, 'x'), "The organization must be 1 to 64",
       "Commas, slashes", "Acme, Inc."},
      {"Unit: ", " ", "The unit must be 1 to 64", "department", "R/D"},
      {"Provider prefix: ", "Acme",
       "The provider prefix must be a lowercase letter, then lowercase letters or", "assigned it",
       "acme"},
      {"User string: ", "d", "The user string must be a lowercase letter, then one or more",
       "your own choice", "dev1"},
      {"Deployment scope (Enter to skip): ", "-x", "The deployment scope must be empty, or",
       "Juniper assigns", ""},
      {"Index [1]: ", "01", "The index must be a positive number without leading zeros",
       "generation", ""},
      {"E-mail: ", "nobody", "The e-mail must be an address such as", "in the certificate",
       "ca@acme.example"},
  };
  return kQuestions;
}

// Answers the first `count` questions.
void AnswerFirst(OnTerminal& terminal, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    terminal.Answer(Questions().at(i).prompt, Questions().at(i).answer);
  }
}

void AnswerAll(OnTerminal& terminal) { AnswerFirst(terminal, Questions().size()); }

// The prompts of all questions and the confirmation.
std::string PromptOf(size_t i) {
  return i < Questions().size() ? Questions().at(i).prompt : std::string(kConfirm);
}

std::string SubjectOf(const Scratch& scratch, const std::string& name) {
  return RunScript(scratch.path(),
                   "openssl req -noout -verify -subject -nameopt "
                   "RFC2253,utf8,-esc_msb -in c/" +
                       name + "_req.pem")
      .out;
}

// True when no file was made.
bool NothingIsLeft(const Scratch& scratch) {
  return RunScript(scratch.path(), "[ ! -e c ] || [ -z \"$(ls -A c)\" ]").status == 0;
}

TEST(RequestDialogTest, AsksForEveryFieldAndMakesKeyAndRequest) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), kAsk);
  AnswerAll(terminal);
  terminal.WaitFor("Organization:     Acme, Inc.");
  terminal.WaitFor("Deployment scope: (none)");
  terminal.WaitFor("Name:             acme-dev1-1");
  terminal.WaitFor("Key type:         ec:p256");
  terminal.Answer(kConfirm, "");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
  EXPECT_EQ(SubjectOf(scratch, "acme-dev1-1"),
            "subject=emailAddress=ca@acme.example,CN=acme-dev1-1,OU=R/D,O=Acme\\, Inc.,"
            "L=Sunnyvale,ST=CA,C=US\n");
  EXPECT_EQ(RunScript(scratch.path(), "stat -c %a c/acme-dev1-1_key.pem").out, "600\n");
}

TEST(RequestDialogTest, SaysFirstWhatItIsForAndHowToLeave) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), kAsk);
  terminal.Type(Questions()[0].prompt, "\x03");
  EXPECT_EQ(terminal.Finish(), 128 + SIGINT);
  EXPECT_EQ(terminal.seen().rfind("Your answers become a new signing key", 0), 0);
  EXPECT_THAT(terminal.seen(), HasSubstr("Ctrl-C leaves without a trace."));
}

TEST(RequestDialogTest, AWrongAnswerSaysTheRuleAndAQuestionMarkTheHelpAndBothAskAgain) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), kAsk);
  for (const Question& question : Questions()) {
    terminal.Answer(question.prompt, question.wrong);
    terminal.WaitFor(question.rule);
    terminal.Answer(question.prompt, "?");
    terminal.WaitFor(question.help);
    terminal.WaitFor(question.rule);
    terminal.Answer(question.prompt, question.answer);
  }
  terminal.Answer(kConfirm, "perhaps");
  terminal.WaitFor("change asks again");
  terminal.Answer(kConfirm, "?");
  terminal.WaitFor("change asks again");
  terminal.Answer(kConfirm, "YES");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
  EXPECT_THAT(SubjectOf(scratch, "acme-dev1-1"), HasSubstr("O=Acme\\, Inc."));
}

TEST(RequestDialogTest, AnIndexThatIsTooLargeIsRefusedAsThat) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), kAsk);
  AnswerFirst(terminal, 8);
  terminal.Answer("Index [1]: ", "18446744073709551616");
  terminal.WaitFor("The index must be at most 18446744073709551615.");
  terminal.Answer("Index [1]: ", "18446744073709551615");
  terminal.Type("E-mail: ", "\x03");
  EXPECT_EQ(terminal.Finish(), 128 + SIGINT);
}

TEST(RequestDialogTest, EnterTakesWhatTheEarlierRequestSuggests) {
  const Scratch scratch;
  ASSERT_EQ(RunScript(scratch.path(),
                      "jet-certificate-request --certs-dir c --key-type ec:p256 --no-encryption "
                      "--country de --state 'Baden \\ Württemberg' --locality 北京 --organization "
                      "'Acme [EU]' --unit R/D --provider-prefix acme --user-string dev1 "
                      "--deployment-scope emea --index 4 --email ca@acme.example")
                .status,
            0);
  OnTerminal terminal(scratch.path(), kAsk);
  terminal.Answer("Country [DE]: ", "");
  terminal.Answer("State [Baden \\\\ Württemberg]: ", "");
  terminal.Answer("City [北京]: ", "");
  terminal.Answer("Organization [Acme [EU]]: ", "");
  terminal.Answer("Unit [R/D]: ", "Lab");
  terminal.Answer("Provider prefix [acme]: ", "");
  terminal.Answer("User string: ", "dev1");
  terminal.Answer("Deployment scope (Enter to skip): ", "emea");
  terminal.Answer("Index [5]: ", "");
  terminal.Answer("E-mail [ca@acme.example]: ", "");
  terminal.Answer(kConfirm, "y");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
  EXPECT_EQ(SubjectOf(scratch, "acme-dev1-emea-5"),
            "subject=emailAddress=ca@acme.example,CN=acme-dev1-emea-5,OU=Lab,O=Acme [EU],"
            "L=北京,ST=Baden \\\\ Württemberg,C=DE\n");
}

TEST(RequestDialogTest, AnInterruptAtAnyQuestionLeavesNothingAndTheTerminalAsItWas) {
  for (size_t i = 0; i <= Questions().size(); ++i) {
    const Scratch scratch;
    OnTerminal terminal(scratch.path(), kAsk);
    AnswerFirst(terminal, i);
    terminal.Type(PromptOf(i), "half an answer\x03");
    EXPECT_EQ(terminal.Finish(), 128 + SIGINT) << terminal.seen();
    EXPECT_EQ(terminal.Settings(), terminal.settings_before()) << PromptOf(i);
    EXPECT_TRUE(NothingIsLeft(scratch)) << PromptOf(i);
  }
}

TEST(RequestDialogTest, AnInterruptAtThePassphraseLeavesNothing) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), kAskForPassphrase);
  AnswerAll(terminal);
  terminal.Answer(kConfirm, "");
  terminal.Answer("(Enter for none): ", "\x03");
  EXPECT_EQ(terminal.Finish(), 128 + SIGINT) << terminal.seen();
  EXPECT_EQ(terminal.Settings(), terminal.settings_before());
  EXPECT_TRUE(NothingIsLeft(scratch));
}

TEST(RequestDialogTest, APassphraseIsAskedForAfterTheDialogAndNotShown) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), kAskForPassphrase);
  AnswerAll(terminal);
  terminal.Answer(kConfirm, "");
  terminal.Answer("(Enter for none): ", "geheim");
  terminal.Answer("again: ", "geheim");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
  EXPECT_THAT(terminal.seen(), Not(HasSubstr("geheim")));
  EXPECT_EQ(RunScript(scratch.path(),
                      "openssl pkey -noout -check -passin pass:geheim "
                      "-in c/acme-dev1-1_key.pem")
                .status,
            0);
}

TEST(RequestDialogTest, TheEndOfInputAtAnyQuestionLeavesNothing) {
  for (size_t i = 0; i <= Questions().size(); ++i) {
    const Scratch scratch;
    OnTerminal terminal(scratch.path(), kAsk);
    AnswerFirst(terminal, i);
    terminal.Type(PromptOf(i), "\x04");
    EXPECT_EQ(terminal.Finish(), 3) << PromptOf(i);
    EXPECT_THAT(terminal.seen(), HasSubstr("nothing was made: the input ended"));
    EXPECT_EQ(terminal.Settings(), terminal.settings_before()) << PromptOf(i);
    EXPECT_TRUE(NothingIsLeft(scratch)) << PromptOf(i);
  }
}

TEST(RequestDialogTest, NoMakesNothing) {
  for (const std::string no : {"no", "N"}) {
    const Scratch scratch;
    OnTerminal terminal(scratch.path(), kAsk);
    AnswerAll(terminal);
    terminal.Answer(kConfirm, no);
    EXPECT_EQ(terminal.Finish(), 3);
    EXPECT_THAT(terminal.seen(), HasSubstr("nothing was made: not confirmed"));
    EXPECT_TRUE(NothingIsLeft(scratch));
  }
}

TEST(RequestDialogTest, ChangeAsksEverythingAgainWithTheAnswersAsSuggestions) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), kAsk);
  AnswerFirst(terminal, 7);
  terminal.Answer("Deployment scope (Enter to skip): ", "emea");
  terminal.Answer("Index [1]: ", "7");
  terminal.Answer("E-mail: ", "ca@acme.example");
  terminal.WaitFor("Name:             acme-dev1-emea-7");
  terminal.Answer(kConfirm, "Change");
  for (const char* prompt : {"Country [US]: ", "State [CA]: ", "City [Sunnyvale]: "}) {
    terminal.Answer(prompt, "");
  }
  terminal.Answer("Organization [Acme, Inc.]: ", "Acme GmbH");
  for (const char* prompt :
       {"Unit [R/D]: ", "Provider prefix [acme]: ", "User string [dev1]: ",
        "Deployment scope [emea] (- for none): ", "Index [7]: ", "E-mail [ca@acme.example]: "}) {
    terminal.Answer(prompt, "");
  }
  terminal.WaitFor("Name:             acme-dev1-emea-7");
  terminal.Answer(kConfirm, "c");
  AnswerFirst(terminal, 1);
  for (const char* prompt : {"State [CA]: ", "City [Sunnyvale]: ", "Organization [Acme GmbH]: ",
                             "Unit [R/D]: ", "Provider prefix [acme]: ", "User string [dev1]: "}) {
    terminal.Answer(prompt, "");
  }
  terminal.Answer("Deployment scope [emea] (- for none): ", "-");
  // The number was an answer for another name.
  terminal.Answer("Index [1]: ", "");
  terminal.Answer("E-mail [ca@acme.example]: ", "");
  terminal.Answer(kConfirm, "");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
  EXPECT_THAT(SubjectOf(scratch, "acme-dev1-1"), HasSubstr("O=Acme GmbH"));
}

TEST(RequestDialogTest, AHyphenIsNoScopeWhereNoneWasAnsweredBefore) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), kAsk);
  AnswerFirst(terminal, 7);
  terminal.Answer("Deployment scope (Enter to skip): ", "-");
  terminal.WaitFor("The deployment scope must be empty, or");
  terminal.Type("Deployment scope (Enter to skip): ", "\x03");
  EXPECT_EQ(terminal.Finish(), 128 + SIGINT);
}

TEST(RequestDialogTest, WhatWasGivenIsShownAndNeverAsked) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), std::string(kAsk) +
                                          " --country us --state CA --locality Sunnyvale "
                                          "--organization Acme --unit R/D --provider-prefix acme "
                                          "--deployment-scope emea --index 3 --email a@b.example");
  terminal.Answer("User string: ", "dev1");
  terminal.WaitFor("State:            CA");
  terminal.WaitFor("Name:             acme-dev1-emea-3");
  terminal.Answer(kConfirm, "change");
  terminal.Answer("User string [dev1]: ", "dev2");
  terminal.WaitFor("Name:             acme-dev2-emea-3");
  terminal.Answer(kConfirm, "");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
  EXPECT_THAT(terminal.seen(), Not(HasSubstr("State: ["))) << "asked for what was given";
  EXPECT_THAT(SubjectOf(scratch, "acme-dev2-emea-3"), HasSubstr("CN=acme-dev2-emea-3"));
}

constexpr char kAllGiven[] =
    " --country us --state CA --locality Sunnyvale --organization Acme --unit R/D "
    "--provider-prefix acme --user-string dev1 --index 1 --email a@b.example";

TEST(RequestDialogTest, WhenAllIsGivenTheScopeIsAskedAndNothingIsMadeUnconfirmed) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), std::string(kAskForPassphrase) + kAllGiven);
  terminal.Answer("Deployment scope (Enter to skip): ", "");
  terminal.WaitFor("Name:             acme-dev1-1");
  terminal.Answer(kConfirm, "");
  terminal.Answer("(Enter for none): ", "");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
  OnTerminal unasked(scratch.path(),
                     std::string(kAsk) + kAllGiven + " --deployment-scope emea --yes");
  EXPECT_EQ(unasked.Finish(), 0) << unasked.seen();
  EXPECT_THAT(unasked.seen(), Not(HasSubstr("Make the key")));
}

TEST(RequestDialogTest, RenewAsksForAPassphraseWhenTheOldKeyIsElsewhere) {
  const Scratch scratch;
  ASSERT_EQ(RunScript(scratch.path(), std::string(kAsk).substr(5) + kAllGiven).status, 0);
  ASSERT_EQ(RunScript(scratch.path(), "mv c/acme-dev1-1_key.pem .").status, 0);
  OnTerminal terminal(scratch.path(),
                      "exec jet-certificate-request renew acme-dev1-1 "
                      "--certs-dir c");
  terminal.Answer("(Enter for none): ", "");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
  OnTerminal same(scratch.path(), "exec jet-certificate-request renew acme-dev1-2 --certs-dir c");
  EXPECT_EQ(same.Finish(), 0) << same.seen();
  EXPECT_THAT(same.seen(), Not(HasSubstr("passphrase of")));
}

TEST(RequestDialogTest, WhereNoIndexFollowsNoneIsSuggested) {
  const Scratch scratch;
  ASSERT_EQ(RunScript(scratch.path(), "mkdir -m 700 c; touch c/acme-dev1-18446744073709551615.pem")
                .status,
            0);
  OnTerminal terminal(scratch.path(), kAsk);
  AnswerFirst(terminal, 8);
  terminal.Type("Index: ", "\x03");
  EXPECT_EQ(terminal.Finish(), 128 + SIGINT);
}

TEST(RequestDialogTest, ANameThatIsTooLongIsSaidAtOnceAndItsPartsAreAskedAgain) {
  const Scratch scratch;
  const std::string user = "d" + std::string(56, 'e');  // with prefix and index 1 64 characters
  OnTerminal terminal(scratch.path(), kAsk);
  AnswerFirst(terminal, 6);
  terminal.Answer("User string: ", user + "e");
  terminal.WaitFor("The certificate name");
  terminal.WaitFor("e-1' has 65");
  terminal.Answer("Provider prefix [acme]: ", "");
  terminal.Answer("User string [" + user + "e]: ", user);
  terminal.Answer("Deployment scope (Enter to skip): ", "x");
  terminal.WaitFor("-x-1' has 66");
  terminal.Answer("Provider prefix [acme]: ", "");
  terminal.Answer("User string [" + user + "]: ", "");
  terminal.Answer("Deployment scope [x] (- for none): ", "-");
  terminal.Answer("Index [1]: ", "10");
  terminal.WaitFor("-10' has 65");
  terminal.Answer("Provider prefix [acme]: ", "");
  terminal.Answer("User string [" + user + "]: ", "");
  terminal.Answer("Deployment scope (Enter to skip): ", "");
  terminal.Answer("Index [10]: ", "9");
  terminal.Answer("E-mail: ", "ca@acme.example");
  terminal.Answer(kConfirm, "");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
  EXPECT_THAT(SubjectOf(scratch, "acme-" + user + "-9"), HasSubstr("OU=R/D"));
}

TEST(RequestDialogTest, WhatWasGivenAndLeavesNoRoomForANameIsRefusedBeforeAnyQuestion) {
  const Scratch scratch;
  const std::string given = std::string(kAsk) + " --user-string ";
  OnTerminal too_long(scratch.path(), given + std::string(61, 'd'));
  EXPECT_EQ(too_long.Finish(), 2);
  EXPECT_THAT(too_long.seen(), HasSubstr("leaves no room for a name"));
  EXPECT_THAT(too_long.seen(), Not(HasSubstr("Country")));
  OnTerminal just_fits(scratch.path(), given + std::string(60, 'd'));
  just_fits.Type("Country [US]: ", "\x03");
  EXPECT_EQ(just_fits.Finish(), 128 + SIGINT);
}

TEST(RequestDialogTest, TextIsUtf8WhateverTheLocale) {
  for (const std::string locale : {"C", "POSIX", "C.UTF-8", "de_DE.ISO-8859-1"}) {
    const Scratch scratch;
    OnTerminal terminal(scratch.path(), "export LC_ALL=" + locale + "; " + kAsk);
    AnswerFirst(terminal, 1);
    terminal.Answer("State: ", "Zü\x7fürich");
    terminal.Answer("City: ", "北界\x7f京");
    for (size_t i = 3; i < Questions().size(); ++i) {
      terminal.Answer(Questions()[i].prompt, Questions()[i].answer);
    }
    terminal.WaitFor("Zürich");
    terminal.Answer(kConfirm, "");
    EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
    EXPECT_THAT(SubjectOf(scratch, "acme-dev1-1"), HasSubstr("L=北京,ST=Zürich,")) << locale;
  }
}

TEST(RequestDialogTest, BytesThatAreNoUtf8AreRefusedAndAskedForAgain) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), kAsk);
  AnswerFirst(terminal, 1);
  for (const std::string bytes :
       {"Z\xfcrich", "\xff", "x\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    terminal.Answer("State: ", bytes);
    terminal.WaitFor("The state must be");
  }
  // A byte that was deleted again does no harm.
  terminal.Answer("State: ", "Z\xfc\x7fürich");
  terminal.Type("City: ", "\x03");
  EXPECT_EQ(terminal.Finish(), 128 + SIGINT);
}

TEST(RequestDialogTest, WorksOnAnyTypeOfTerminalAndPrintsNoWarning) {
  for (const std::string set :
       {"export TERM=dumb", "unset TERM", "export TERM=", "export TERM=vt100",
        "export TERM=no-such-terminal", "export TERM=emacs"}) {
    const Scratch scratch;
    OnTerminal terminal(scratch.path(), set + "; " + kAsk);
    AnswerAll(terminal);
    terminal.WaitFor("Name:             acme-dev1-1");
    terminal.Type(kConfirm, "\x04");
    EXPECT_EQ(terminal.Finish(), 3) << set << terminal.seen();
    EXPECT_THAT(terminal.seen(), Not(HasSubstr("terminal"))) << set;
    EXPECT_EQ(terminal.Settings(), terminal.settings_before()) << set;
  }
}

TEST(RequestDialogTest, ASignalWhileAskingEndsTheProgramAndNoOther) {
  for (const int signal : {SIGTERM, SIGHUP, SIGQUIT}) {
    const Scratch scratch;
    OnTerminal terminal(scratch.path(), "ulimit -c 0; " + std::string(kAsk));
    terminal.WaitFor("Country [US]: ");
    terminal.Signal(signal);
    EXPECT_EQ(terminal.Finish(), 128 + signal);
    EXPECT_EQ(terminal.Settings(), terminal.settings_before());
    EXPECT_TRUE(NothingIsLeft(scratch));
  }
}

TEST(RequestDialogTest, ASignalDoesNotReachTheScriptThatRunsTheProgram) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(),
                      "(echo $BASHPID > pid; " + std::string(kAsk) + "); echo status=$?");
  terminal.WaitFor("Country [US]: ");
  ASSERT_EQ(RunScript(scratch.path(), "kill -TERM $(cat pid)").status, 0);
  EXPECT_EQ(terminal.Finish(), 0);
  EXPECT_THAT(terminal.seen(), HasSubstr("status=143"));
}

TEST(RequestDialogTest, AnIgnoredSignalStaysIgnored) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), "trap '' TERM; " + std::string(kAsk));
  terminal.WaitFor("Country [US]: ");
  terminal.Signal(SIGTERM);
  terminal.Answer("", "de");
  terminal.Answer("State: ", "Bayern");
  terminal.Type("City: ", "\x04");
  EXPECT_EQ(terminal.Finish(), 3);
}

TEST(RequestDialogTest, IsStoppedAndGoesOnWithTheAnswerBegun) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(),
                      "set -m; jet-certificate-request --certs-dir c; "
                      "echo status=$?; stty -a; fg; echo ended=$?");
  terminal.Type("Country [US]: ", "d");
  terminal.Type("d", "\x1a");
  terminal.WaitFor("status=148");
  terminal.WaitFor(" icanon");
  terminal.WaitFor(" echo ");
  terminal.WaitFor("Country [US]: d");
  terminal.Answer("", "e");
  terminal.Type("State: ", "\x04");
  terminal.WaitFor("ended=3");
  EXPECT_EQ(terminal.Finish(), 0);
}

TEST(RequestDialogTest, SettingsThatLibeditWouldChangeAreAsBefore) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), "stty -echoe -echoctl -iexten; before=$(stty -g); (" +
                                          std::string(kAsk) +
                                          "); [ \"$before\" = \"$(stty -g)\" ] && echo the same");
  terminal.Answer("Country [US]: ", "");
  terminal.Type("State: ", "\x04");
  terminal.WaitFor("the same");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
}

TEST(RequestDialogTest, ALineCanBeEdited) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), "export TERM=xterm; " + std::string(kAsk));
  terminal.Answer("Country [US]: ", "");
  terminal.Answer("State: ", "Acmee\x7f");
  terminal.Answer("City: ",
                  "cme\x1b[D\x1b[D\x1b[D"
                  "A");  // arrow keys
  terminal.Answer("Organization: ",
                  "wrong\x15"
                  "Acme");  // Ctrl-U
  terminal.Answer("Unit: ",
                  "cme\x01"
                  "A\x05"
                  "!\b");                                      // Ctrl-A, Ctrl-E
  terminal.Answer("Provider prefix: ", "acme wrong\x17\x7f");  // Ctrl-W
  terminal.Answer("User string: ", "dev1xx\x02\x02\x0b");      // Ctrl-B, Ctrl-K
  terminal.Answer("Deployment scope (Enter to skip): ", "");
  terminal.Answer("Index [1]: ",
                  "21\x02\x1b[3~\x7f"
                  "3");                                  // Delete
  terminal.Answer("E-mail: ", "\x1b[Aca@acme.example");  // no history
  terminal.Answer(kConfirm, "");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
  EXPECT_EQ(SubjectOf(scratch, "acme-dev1-3"),
            "subject=emailAddress=ca@acme.example,CN=acme-dev1-3,OU=Acme,O=Acme,L=Acme,ST=Acme,"
            "C=US\n");
}

TEST(RequestDialogTest, TheUsersEditrcIsNotRead) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(),
                      "echo 'bind d ed-newline' > .editrc; export HOME=$PWD; " + std::string(kAsk));
  terminal.Answer("Country [US]: ", "de");
  terminal.Type("State: ", "\x03");
  EXPECT_EQ(terminal.Finish(), 128 + SIGINT);
}

TEST(RequestDialogTest, KeysThatMakeLibeditRunItsOwnCommandsOrRepeatTextDoNothing) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), "export TERM=xterm; " + std::string(kAsk));
  AnswerFirst(terminal, 1);
  terminal.Answer("State: ", "\x1bxC");  // M-x
  terminal.Answer("City: ",
                  "U\x1b"
                  "9lm");  // M-9
  terminal.Answer("Organization: ",
                  "\x16"
                  "Acme\x12\x19\x14");  // Ctrl-V, Ctrl-R, Ctrl-Y, Ctrl-T
  for (size_t i = 4; i < Questions().size(); ++i) {
    terminal.Answer(Questions()[i].prompt, Questions()[i].answer);
  }
  terminal.Answer(kConfirm, "");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
  EXPECT_THAT(SubjectOf(scratch, "acme-dev1-1"), HasSubstr("O=Acme,L=Ulm,ST=C,C=US"));
}

TEST(RequestDialogTest, AVeryLongLineIsRefusedAndAskedForAgain) {
  for (const std::string text : {"x", "ü", "界", "\xff"}) {
    const Scratch scratch;
    OnTerminal terminal(scratch.path(), kAsk);
    AnswerFirst(terminal, 1);
    std::string line;
    while (line.size() < 100 * 1000) line += text;
    terminal.Answer("State: ", line);
    terminal.WaitFor("This is too long for an answer.");
    terminal.Answer("State: ", "CA");
    terminal.Type("City: ", "\x03");
    EXPECT_EQ(terminal.Finish(), 128 + SIGINT);
  }
}

TEST(RequestDialogTest, ASmallScreenAndOneThatShrinksDoNoHarm) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(), kAsk);
  terminal.Answer("Country [US]: ", "");
  terminal.Type("State: ", std::string(400, 'x'));
  terminal.WaitFor("xxx");
  terminal.Resize(24, 80);
  terminal.WaitFor("State: xxx");  // drawn anew
  terminal.Resize(3, 5);
  terminal.Answer("", std::string(20, 'y'));
  terminal.Answer("The state must be", "");
  terminal.Answer("State: ", "CA");
  terminal.Type("City: ", "half\x03");
  EXPECT_EQ(terminal.Finish(), 128 + SIGINT) << terminal.seen();
  EXPECT_EQ(terminal.Settings(), terminal.settings_before());
}

TEST(RequestDialogTest, WhatIsTypedAheadIsTakenOrLeftForWhoReadsNext) {
  const Scratch scratch;
  OnTerminal terminal(scratch.path(),
                      std::string(kAsk).substr(5) + "; read -r next; echo \"<$next>\"");
  // As the Enter key types it.
  terminal.Type("Country [US]: ",
                "de\rBayern\rUlm\rAcme\rR/D\racme\rdev1\r\r\ra@b.example\ry\rls -l\r");
  terminal.WaitFor("<ls -l>");
  EXPECT_EQ(terminal.Finish(), 0) << terminal.seen();
  EXPECT_THAT(SubjectOf(scratch, "acme-dev1-1"), HasSubstr("L=Ulm,ST=Bayern,C=DE"));
}

}  // namespace
}  // namespace jet::test
