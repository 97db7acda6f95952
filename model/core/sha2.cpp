#include "model/core/sha2.hpp"

#include <bit>
#include <cstddef>
#include <string>

namespace ridgeline::model {
namespace {

// The first 64 bits of the fractions of the cube roots of the first 80 primes, and of the square
// roots of the first eight. SHA-256 takes the first 32 bits of the first 64 and of the same eight.
constexpr std::array<std::uint64_t, 80> kRounds = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};
constexpr std::array<std::uint64_t, 8> kStart = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

// What tells the two apart: words, rounds, and by how much words are rotated (the third of the
// small ones is a shift).
struct Sha256 {
  using Word = std::uint32_t;
  static constexpr std::size_t kCount = 64;
  static constexpr int big0[] = {2, 13, 22};
  static constexpr int big1[] = {6, 11, 25};
  static constexpr int small0[] = {7, 18, 3};
  static constexpr int small1[] = {17, 19, 10};
};
struct Sha512 {
  using Word = std::uint64_t;
  static constexpr std::size_t kCount = 80;
  static constexpr int big0[] = {28, 34, 39};
  static constexpr int big1[] = {14, 18, 41};
  static constexpr int small0[] = {1, 8, 7};
  static constexpr int small1[] = {19, 61, 6};
};

template <class Kind>
using State = std::array<typename Kind::Word, 8>;

template <class Word>
Word constant(std::uint64_t bits) {
  return static_cast<Word>(bits >> (64 - 8 * sizeof(Word)));
}

template <class Kind>
void add_block(std::string_view block, State<Kind>& state) {
  using Word = typename Kind::Word;
  const auto big = [](Word x, const int(&by)[3]) {
    return std::rotr(x, by[0]) ^ std::rotr(x, by[1]) ^ std::rotr(x, by[2]);
  };
  const auto small = [](Word x, const int(&by)[3]) {
    return std::rotr(x, by[0]) ^ std::rotr(x, by[1]) ^ (x >> by[2]);
  };
  std::array<Word, Kind::kCount> schedule{};
  for (std::size_t i = 0; i < block.size(); ++i) {
    Word& word = schedule[i / sizeof(Word)];
    word = static_cast<Word>(word << 8 | static_cast<std::uint8_t>(block[i]));
  }
  for (std::size_t i = 16; i < Kind::kCount; ++i) {
    schedule[i] = small(schedule[i - 2], Kind::small1) + schedule[i - 7] +
                  small(schedule[i - 15], Kind::small0) + schedule[i - 16];
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t i = 0; i < Kind::kCount; ++i) {
    const Word one =
        h + big(e, Kind::big1) + ((e & f) ^ (~e & g)) + constant<Word>(kRounds[i]) + schedule[i];
    const Word two = big(a, Kind::big0) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + one;
    d = c;
    c = b;
    b = a;
    a = one + two;
  }
  const State<Kind> mixed = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += mixed[i];
}

template <class Kind>
std::array<std::uint8_t, 8 * sizeof(typename Kind::Word)> digest(std::string_view bytes) {
  using Word = typename Kind::Word;
  constexpr std::size_t kBlock = 16 * sizeof(Word);
  State<Kind> state{};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] = constant<Word>(kStart[i]);
  const std::size_t whole = bytes.size() / kBlock * kBlock;
  for (std::size_t at = 0; at < whole; at += kBlock)
    add_block<Kind>(bytes.substr(at, kBlock), state);
  // A one, zeros, and the length in bits at the end of the last block.
  std::string rest(bytes.substr(whole));
  rest += static_cast<char>(0x80);
  constexpr std::size_t kLength = 2 * sizeof(Word);
  while ((rest.size() + kLength) % kBlock != 0) rest += '\0';
  rest.append(kLength - sizeof(std::uint64_t), '\0');
  const std::uint64_t bits = 8 * static_cast<std::uint64_t>(bytes.size());
  for (int shift = 56; shift >= 0; shift -= 8) rest += static_cast<char>(bits >> shift & 0xff);
  for (std::size_t at = 0; at < rest.size(); at += kBlock)
    add_block<Kind>(std::string_view(rest).substr(at, kBlock), state);
  std::array<std::uint8_t, 8 * sizeof(Word)> result{};
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::size_t shift = 8 * (sizeof(Word) - 1 - i % sizeof(Word));
    result[i] = static_cast<std::uint8_t>(state[i / sizeof(Word)] >> shift & 0xff);
  }
  return result;
}

}  // namespace

std::array<std::uint8_t, 32> sha256(std::string_view bytes) {
  return digest<Sha256>(bytes);
}

std::array<std::uint8_t, 64> sha512(std::string_view bytes) {
  return digest<Sha512>(bytes);
}

}  // namespace ridgeline::model
