#include "tests/kernel/ecdsa_forms.h"

#include <stdexcept>

#include "tests/kernel/workshop.h"

namespace jet::kernel {
namespace {

constexpr char kSequence = 0x30;
constexpr char kInteger = 0x02;

// SEC 2, the orders n of secp256r1 and secp384r1.
constexpr char kOrder256[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
constexpr char kOrder384[] =
    "ffffffffffffffffffffffffffffffffffffffffffffffff"
    "c7634d81f4372ddf581a0db248b0a77aecec196accc52973";

std::string WithoutZeros(const std::string& number) {
  const size_t first = number.find_first_not_of('\0');
  return first == std::string::npos ? std::string(1, '\0') : number.substr(first);
}

std::string TakeNumber(const std::string& der, size_t& at) {
  const size_t length = static_cast<unsigned char>(der.at(at + 1));
  if (der.at(at) != kInteger || at + 2 + length > der.size()) {
    throw std::runtime_error("no ECDSA signature in DER");
  }
  const std::string content = der.substr(at + 2, length);
  at += 2 + length;
  return WithoutZeros(content);
}

std::string Length(size_t true_length, const LengthStyle& style) {
  const size_t length = true_length + static_cast<size_t>(style.change);
  const char low = static_cast<char>(length & 0xff);
  switch (style.form) {
    case LengthForm::kShort:
      return {low};
    case LengthForm::kOneByte:
      return {'\x81', low};
    case LengthForm::kTwoBytes:
      return {'\x82', '\0', low};
    case LengthForm::kThreeBytes:
      return {'\x83', '\0', '\0', low};
    case LengthForm::kIndefinite:
      break;
  }
  return {'\x80'};
}

std::string Number(const std::string& number, const NumberStyle& style) {
  const int zeros = style.zeros >= 0 ? style.zeros : (number.front() & 0x80) != 0 ? 1 : 0;
  const std::string content = std::string(static_cast<size_t>(zeros), '\0') + number;
  return kInteger + Length(content.size(), style.length) + content;
}

}  // namespace

EcdsaNumbers ReadEcdsa(const std::string& der) {
  if (der.size() < 2 || der.front() != kSequence ||
      der.size() != 2 + static_cast<size_t>(static_cast<unsigned char>(der.at(1)))) {
    throw std::runtime_error("no ECDSA signature in DER");
  }
  size_t at = 2;
  EcdsaNumbers numbers;
  numbers.r = TakeNumber(der, at);
  numbers.s = TakeNumber(der, at);
  return numbers;
}

std::string WriteEcdsa(const EcdsaNumbers& numbers, const EcdsaForm& form) {
  const std::string content = Number(numbers.r, form.r) + Number(numbers.s, form.s) + form.inside;
  return kSequence + Length(content.size(), form.sequence) + content + form.after;
}

std::string OtherS(const std::string& s, int bits) {
  std::string difference = FromHex(bits == 256 ? kOrder256 : kOrder384);
  const std::string padded = std::string(difference.size() - s.size(), '\0') + s;
  int borrow = 0;
  for (size_t at = difference.size(); at-- > 0;) {
    const int digit = static_cast<unsigned char>(difference[at]) -
                      static_cast<unsigned char>(padded[at]) - borrow;
    borrow = digit < 0 ? 1 : 0;
    difference[at] = static_cast<char>(digit + borrow * 256);
  }
  return WithoutZeros(difference);
}

}  // namespace jet::kernel
