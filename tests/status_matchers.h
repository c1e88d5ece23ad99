// Matchers for absl::Status and absl::StatusOr, which Debian 12's Abseil does not bring along.
#ifndef JET_TESTS_STATUS_MATCHERS_H_
#define JET_TESTS_STATUS_MATCHERS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace jet::test {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }

template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

// Matches a Status or StatusOr that is OK.
MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

// Matches a Status or StatusOr with `code` whose message, a std::string, matches `message`.
MATCHER_P2(StatusIs, code, message,
           std::string("has the code ") + absl::StatusCodeToString(code) + " and a message that " +
               testing::DescribeMatcher<std::string>(message, negation)) {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code &&
         testing::ExplainMatchResult(message, std::string(StatusOf(arg).message()),
                                     result_listener);
}

// Matches a StatusOr that is OK and holds a value that matches `value`.
MATCHER_P(IsOkAndHolds, value, "is OK and holds the expected value") {
  *result_listener << StatusOf(arg).ToString();
  return arg.ok() && testing::ExplainMatchResult(value, *arg, result_listener);
}

// Returns the value of `status_or`; a failure ends the test by an exception. For set-up code that
// has no return type of its own to report with.
template <typename T>
T ValueOf(absl::StatusOr<T> status_or) {
  if (!status_or.ok()) throw std::runtime_error(status_or.status().ToString());
  return *std::move(status_or);
}

}  // namespace jet::test

// Evaluates `expression`, a StatusOr; ends the test when it is not OK, else moves its value into
// `target`, which may declare a variable.
#define ASSERT_OK_AND_ASSIGN(target, expression) \
  ASSERT_OK_AND_ASSIGN_IMPL_(JET_TEST_CONCATENATE_(jet_statusor_, __LINE__), target, expression)

#define ASSERT_OK_AND_ASSIGN_IMPL_(statusor, target, expression)               \
  auto statusor = (expression);                                                \
  ASSERT_TRUE(statusor.ok()) << statusor.status() << "\n  from: " #expression; \
  target = std::move(statusor).value()

#define JET_TEST_CONCATENATE_(a, b) JET_TEST_CONCATENATE_IMPL_(a, b)
#define JET_TEST_CONCATENATE_IMPL_(a, b) a##b

#endif  // JET_TESTS_STATUS_MATCHERS_H_
