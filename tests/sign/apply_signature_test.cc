#include "sign/apply_signature.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "sign/xattr_store.h"
#include "tests/base/child.h"
#include "tests/base/scratch_folder.h"
#include "tests/status_matchers.h"

namespace jet::sign {
namespace {

using absl::StatusCode;
using test::StatusIs;
using test::ValueOf;
using testing::HasSubstr;

class ApplySignatureTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(test::IsRoot()) << test::kNeedsRoot;
    path_ = folder_.Write("f", "content");
    fd_ = test::Open(path_, O_RDONLY);
  }

  absl::StatusOr<ApplyResult> Apply(SignatureCheck check, bool dry_run = false) const {
    XattrStore store(fd_.get());
    return ApplySignature(fd_.get(), value_, check, store, {dry_run});
  }

  absl::optional<base::Bytes> Present() const { return ValueOf(XattrStore(fd_.get()).Read()); }

  const base::Bytes value_ = {3, 2, 4, 1, 2, 3, 4, 0, 1, 9};
  test::ScratchFolder folder_;
  std::string path_;
  base::UniqueFd fd_;
};

TEST_F(ApplySignatureTest, WritesWhatIsGoodOnce) {
  const auto good = [] { return true; };
  EXPECT_EQ(ValueOf(Apply(good, /*dry_run=*/true)), ApplyResult::kWouldApply);
  EXPECT_EQ(Present(), absl::nullopt);
  EXPECT_EQ(ValueOf(Apply(good)), ApplyResult::kApplied);
  EXPECT_EQ(Present(), value_);
  EXPECT_EQ(ValueOf(Apply(good)), ApplyResult::kAlreadyValid);
}

TEST_F(ApplySignatureTest, RefusesWhatIsBad) {
  EXPECT_EQ(ValueOf(Apply([] { return false; })), ApplyResult::kRefused);
  EXPECT_THAT(Apply([] { return absl::InternalError("broken"); }),
              StatusIs(StatusCode::kInternal, "broken"));
  EXPECT_EQ(Present(), absl::nullopt);
}

TEST_F(ApplySignatureTest, StartsOverForAFileThatChangesWhileItIsChecked) {
  int calls = 0;
  const auto check = [&] {
    ++calls;
    // The kernel begins to break the lease; nobody waits for it.
    EXPECT_EQ(open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC), -1);
    return true;
  };
  EXPECT_THAT(Apply(check), StatusIs(StatusCode::kAborted, HasSubstr("changed")));
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(Present(), absl::nullopt);
}

TEST_F(ApplySignatureTest, WaitsForNoWriter) {
  const base::UniqueFd writer = test::Open(path_, O_WRONLY);
  EXPECT_THAT(Apply([] { return true; }),
              StatusIs(StatusCode::kUnavailable, HasSubstr("open for writing")));
}

TEST(ApplyResultTest, HasTheNamesOfTheContract) {
  EXPECT_STREQ(ApplyResultName(ApplyResult::kApplied), "applied");
  EXPECT_STREQ(ApplyResultName(ApplyResult::kAlreadyValid), "already-valid");
  EXPECT_STREQ(ApplyResultName(ApplyResult::kWouldApply), "would-apply");
  EXPECT_STREQ(ApplyResultName(ApplyResult::kRefused), "refused");
}

}  // namespace
}  // namespace jet::sign
