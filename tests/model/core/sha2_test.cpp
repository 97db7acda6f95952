#include "model/core/sha2.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ridgeline::model {
namespace {

template <class Digest>
std::string hex(const Digest& digest) {
  std::string text;
  for (const unsigned byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

// Messages and digests of FIPS 180-4's examples.
TEST(Sha2, GivesTheDigestsOfTheStandardsExamples) {
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha512("abc")),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  EXPECT_EQ(hex(sha512("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                       "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu")),
            "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
            "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909");
}

TEST(Sha2, TakesAMillionBytesAndEveryLengthAroundABlock) {
  EXPECT_EQ(hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(hex(sha512(std::string(1'000'000, 'a'))),
            "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
            "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b");
  // Of the digests of all lengths from 0 to 300, by another implementation.
  std::string all256;
  std::string all512;
  for (std::size_t length = 0; length <= 300; ++length) {
    all256 += hex(sha256(std::string(length, 'x')));
    all512 += hex(sha512(std::string(length, 'x')));
  }
  EXPECT_EQ(hex(sha256(all256)),
            "4f1214e9ef2dcfefe099f05aaaceccdad8549cc50a52723cdba372bb89323705");
  EXPECT_EQ(hex(sha256(all512)),
            "449a765c8959d0576e13fa7128ff4ab961e359a9d32a7b14152e6e8ee4db9205");
}

}  // namespace
}  // namespace ridgeline::model
