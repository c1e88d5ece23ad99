#include "crypto/openssl_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include "tests/status_matchers.h"

namespace jet::crypto {
namespace {

using absl::StatusCode;
using test::StatusIs;

TEST(OpenSslErrorTest, TheOldestReasonIsReportedAndTheQueueIsEmptied) {
  ERR_raise(ERR_LIB_PEM, ERR_R_PASSED_NULL_PARAMETER);
  ERR_raise(ERR_LIB_X509, ERR_R_INTERNAL_ERROR);
  EXPECT_THAT(OpenSslError(StatusCode::kInternal, "cannot do it"),
              StatusIs(StatusCode::kInternal, "cannot do it: passed a null parameter"));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(OpenSslErrorTest, WithoutAReasonTheActionStandsAlone) {
  EXPECT_THAT(OpenSslError(StatusCode::kInvalidArgument, "cannot do it"),
              StatusIs(StatusCode::kInvalidArgument, "cannot do it"));
}

TEST(OpenSslErrorTest, DroppingEmptiesTheQueue) {
  ERR_raise(ERR_LIB_PEM, ERR_R_INTERNAL_ERROR);
  DropOpenSslErrors();
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace jet::crypto
