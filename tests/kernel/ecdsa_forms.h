// Encodings of one ECDSA signature: the one of DER and many that are none of DER's.
#ifndef JET_TESTS_KERNEL_ECDSA_FORMS_H_
#define JET_TESTS_KERNEL_ECDSA_FORMS_H_

#include <string>

namespace jet::kernel {

// r and s, big endian, without leading zeros.
struct EcdsaNumbers {
  std::string r;
  std::string s;
};

enum class LengthForm { kShort, kOneByte, kTwoBytes, kThreeBytes, kIndefinite };

struct LengthStyle {
  LengthForm form = LengthForm::kShort;
  int change = 0;  // added to the true length
};

struct NumberStyle {
  LengthStyle length;
  int zeros = -1;  // before the number; -1: as many as DER asks for
};

struct EcdsaForm {
  LengthStyle sequence;
  NumberStyle r;
  NumberStyle s;
  std::string inside;  // after s, within the SEQUENCE
  std::string after;   // after the SEQUENCE
};

// Takes a signature in DER apart. Throws std::runtime_error when it is none.
EcdsaNumbers ReadEcdsa(const std::string& der);

std::string WriteEcdsa(const EcdsaNumbers& numbers, const EcdsaForm& form);

// The other s that verifies as well: the order of the curve (P-256 or P-384, told by `bits`) minus
// s.
std::string OtherS(const std::string& s, int bits);

}  // namespace jet::kernel

#endif  // JET_TESTS_KERNEL_ECDSA_FORMS_H_
