// The kernel is the judge: booted Linux kernels that enforce IMA appraisal run exactly the files
// that jet-appraise calls valid, and give the causes that jet-appraise says they give.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <set>

#include "tests/kernel/command.h"
#include "tests/kernel/lab.h"

namespace jet::kernel {
namespace {

constexpr char kValid[] = "valid";
constexpr char kAmbiguous[] = "ambiguous-key";

// What is asked of the mutants of both kernels together.
constexpr size_t kMutantsWanted = 2000;
constexpr size_t kOfEachVerdict = 20;
constexpr size_t kMostNotMade = 4;

class KernelTest : public testing::Test {
 protected:
  // Both kernels at once: they are processes of their own.
  static void SetUpTestSuite() {
    // Not skipped: a run in which the kernel was never asked must not look like a good one.
    ASSERT_EQ(geteuid(), 0U) << "the kernel lab sets security.ima: run it as root";
    const uint64_t seed = MutantSeed();
    std::cout << "seed of the mutants: " << seed << " (JET_LAB_SEED chooses another)" << std::endl;
    folder_ = std::make_unique<ScratchFolder>();
    stock_ = PrepareStock(folder_->path(), seed);
    ima_ = PrepareIma(folder_->path(), seed);
    std::future<void> stock = std::async(std::launch::async, [] { Ask(*stock_); });
    Ask(*ima_);
    stock.get();
    Appraise(*stock_);
    Appraise(*ima_);
    asked_ = true;
  }

  void SetUp() override { ASSERT_TRUE(asked_) << "the kernels were not asked"; }

  static void TearDownTestSuite() {
    stock_.reset();
    ima_.reset();
    folder_.reset();
  }

  static std::array<const Asked*, 2> Both() { return {stock_.get(), ima_.get()}; }

  static std::unique_ptr<ScratchFolder> folder_;
  static std::unique_ptr<Asked> stock_;
  static std::unique_ptr<Asked> ima_;
  static bool asked_;
};

std::unique_ptr<ScratchFolder> KernelTest::folder_;
std::unique_ptr<Asked> KernelTest::stock_;
std::unique_ptr<Asked> KernelTest::ima_;
bool KernelTest::asked_ = false;

// Whether kernel and jet-appraise say the same, whatever was expected. Of an ambiguous key id the
// kernel tries one key, and which one cannot be known.
bool Agree(const std::string& name, const Verdict& verdict, const GuestReport& guest) {
  const Answer answer = guest.AnswerOf(name);
  const std::string cause = guest.CauseOf(name);
  if (answer == Answer::kUnclear) return false;
  const bool ran = answer == Answer::kRan;
  if (verdict.verdict == kAmbiguous) return cause == (ran ? "" : "invalid-signature");
  return ran == (verdict.verdict == kValid) && cause == verdict.cause;
}

std::string Described(const std::string& name, const Verdict& verdict, const GuestReport& guest) {
  return name + ": jet-appraise says '" + verdict.verdict + "' (" + verdict.cause +
         "), the kernel gave status " + std::to_string(guest.RowOf(name).status) + " (" +
         guest.CauseOf(name) + ")";
}

void CheckKernel(const Row& row, const GuestReport& guest) {
  if (row.expected.comparison == Comparison::kKernelUnknown) return;
  const GuestRow record = guest.RowOf(row.name);
  EXPECT_EQ(guest.AnswerOf(row.name), row.expected.cause.empty() ? Answer::kRan : Answer::kRefused)
      << "status " << record.status << ": " << record.output;
  EXPECT_EQ(guest.CauseOf(row.name), row.expected.cause);
}

bool IsCompared(const Row& row) {
  return row.expected.comparison == Comparison::kFull ||
         row.expected.comparison == Comparison::kVerityRule;
}

void CheckVerdict(const Row& row, const Verdict& verdict) {
  EXPECT_EQ(verdict.verdict, row.expected.verdict);
  if (IsCompared(row)) {
    EXPECT_EQ(verdict.cause, row.expected.cause);
  }
}

void CheckRows(const Asked& asked) {
  int compared = 0;
  int agreed = 0;
  for (const Row& row : asked.rows) {
    SCOPED_TRACE(row.name);
    CheckKernel(row, asked.guest);
    ASSERT_TRUE(asked.verdicts.count(row.name)) << "jet-appraise did not mention it";
    const Verdict& verdict = asked.verdicts.at(row.name);
    CheckVerdict(row, verdict);
    if (!IsCompared(row)) continue;
    const bool agree = Agree(row.name, verdict, asked.guest);
    EXPECT_TRUE(agree) << Described(row.name, verdict, asked.guest);
    ++compared;
    agreed += agree ? 1 : 0;
  }
  for (const std::string& name : asked.not_made) {
    std::cout << "not tried: " << name << ": this machine's kernel does not store the attribute\n";
  }
  // Some kernels check an attribute when it is set; more than a few would be another mistake.
  EXPECT_LE(asked.not_made.size(), kMostNotMade);
  std::cout << asked.name << ": " << asked.rows.size() << " rows tried, " << compared
            << " compared, " << agreed << " agreed\n";
}

TEST_F(KernelTest, TheStockKernelRunsExactlyTheFilesThatAppraiseCallsValid) {
  ASSERT_EQ(stock_->guest.RowOf("load").status, 0) << stock_->guest.Everything();
  EXPECT_EQ(stock_->guest.RowOf("status").status, 0) << stock_->guest.RowOf("status").output;
  CheckRows(*stock_);
  // The kernel tries one key of the two: that is what makes them ambiguous.
  EXPECT_NE(stock_->guest.AnswerOf("twin-a"), stock_->guest.AnswerOf("twin-b"));
}

TEST_F(KernelTest, TheKernelWithImaRunsExactlyTheFilesThatAppraiseCallsValid) {
  for (const OfferedCertificate& offered : ima_->offered) {
    const GuestRow row = ima_->guest.RowOf("offer-" + offered.name + "-" + offered.ring);
    EXPECT_EQ(row.status == 0, offered.refusal.empty()) << offered.name << ": " << row.output;
    EXPECT_NE(row.output.find(offered.refusal), std::string::npos)
        << offered.name << ": " << row.output;
  }
  CheckRows(*ima_);
}

// It is refused once: then the kernel remembers the good signature and not the rule.
TEST_F(KernelTest, AppraiseAlgosRefusesOnlyTheFirstRun) {
  EXPECT_EQ(ima_->guest.AnswerOf(ImaMatrix::kDeniedHash), Answer::kRefused);
  EXPECT_EQ(ima_->guest.RowOf("again").output, "ran\n") << ima_->guest.Everything();
}

TEST_F(KernelTest, WeakHashesAreValidWithAWarning) {
  for (const char* name : {"p256-sha1", "p384-sha224", "rsa2048-md5"}) {
    EXPECT_TRUE(ima_->verdicts.at(name).warned) << name;
  }
  EXPECT_FALSE(ima_->verdicts.at("p256-sha256").warned);
}

TEST_F(KernelTest, TheKernelsRunExactlyTheMutantsThatAppraiseCallsValid) {
  for (const Asked* asked : Both()) {
    for (const Mutant& mutant : asked->mutants) {
      ASSERT_TRUE(asked->verdicts.count(mutant.name)) << mutant.name;
      const Verdict& verdict = asked->verdicts.at(mutant.name);
      EXPECT_TRUE(Agree(mutant.name, verdict, asked->guest))
          << asked->name << ": " << Described(mutant.name, verdict, asked->guest) << "; "
          << mutant.key.name << ", " << mutant.key.hash << ": " << mutant.change;
    }
  }
}

// All good signatures by the one twin run, and none by the other.
TEST_F(KernelTest, OneOfTwoKeysWithOneKeyIdIsTried) {
  for (const Asked* asked : Both()) {
    std::map<std::string, std::set<Answer>> answers;
    for (const Mutant& mutant : asked->mutants) {
      if (mutant.intact && asked->verdicts.at(mutant.name).verdict == kAmbiguous) {
        answers[mutant.key.name].insert(asked->guest.AnswerOf(mutant.name));
      }
    }
    ASSERT_EQ(answers.size(), 2U) << asked->name;
    EXPECT_EQ(answers.begin()->second.size(), 1U) << asked->name;
    EXPECT_EQ(answers.rbegin()->second.size(), 1U) << asked->name;
    EXPECT_NE(answers.begin()->second, answers.rbegin()->second) << asked->name;
  }
}

// Mutants that are all refused for one reason would agree and prove nothing.
TEST_F(KernelTest, TheMutantsAreOfEveryKind) {
  size_t all = 0;
  size_t changed = 0;
  size_t ran = 0;
  size_t in_named_places = 0;
  std::map<std::string, size_t> verdicts;
  for (const Asked* asked : Both()) {
    for (const Mutant& mutant : asked->mutants) {
      ++all;
      changed += mutant.intact ? 0 : 1;
      ran += asked->guest.AnswerOf(mutant.name) == Answer::kRan ? 1 : 0;
      in_named_places += mutant.place != Place::kElsewhere ? 1 : 0;
      ++verdicts[asked->verdicts.at(mutant.name).verdict];
    }
  }
  EXPECT_GE(changed, kMutantsWanted);
  EXPECT_GE(ran * 100, all * 15);
  EXPECT_GE(in_named_places * 2, all);
  for (const char* verdict : {kValid, "mismatch", "unknown-key", kAmbiguous, "no-signature",
                              "hash-only", "malformed", "unsupported"}) {
    EXPECT_GE(verdicts[verdict], kOfEachVerdict) << verdict;
  }
  std::cout << all << " mutants, of which " << all - changed << " only have another size of file; "
            << ran << " ran, " << in_named_places
            << " changed in header, ASN.1 lengths or last bytes;";
  for (const auto& [verdict, count] : verdicts) std::cout << " " << verdict << " " << count;
  std::cout << "\n";
}

TEST_F(KernelTest, ThereIsNoDisagreement) {
  size_t tried = 0;
  size_t disagreements = 0;
  for (const Asked* asked : Both()) {
    const auto count = [&](const std::string& name) {
      ++tried;
      disagreements += Agree(name, asked->verdicts.at(name), asked->guest) ? 0 : 1;
    };
    for (const Row& row : asked->rows) {
      if (IsCompared(row)) count(row.name);
    }
    for (const Mutant& mutant : asked->mutants) count(mutant.name);
  }
  EXPECT_EQ(disagreements, 0U);
  std::cout << "figures: kernels: 2, files tried: " << tried << ", disagreements: " << disagreements
            << "\n";
}

}  // namespace
}  // namespace jet::kernel
