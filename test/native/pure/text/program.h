// test/native/pure/text/program.h — an index of texts that changes by chance, against a model that
// scores every document: a program that runs over any filling of blocks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "base/random.h"
#include "model.h"
#include "pure/text/text.h"
#include "test.h"

namespace varve::test::texts {

// Few words often, many seldom, some near to one another.
inline std::string random_word(Random& random, uint32_t vocabulary) {
  const uint64_t skewed = random.below(1 + random.below(1 + random.below(vocabulary)));
  std::string word;
  for (uint64_t left = skewed + 27; left > 0; left /= 7) {
    word.push_back("etaonis"[left % 7]);
  }
  return word;
}

inline std::string random_text(Random& random, uint32_t vocabulary, uint64_t words_max) {
  std::string text;
  for (uint64_t left = random.below(words_max + 1); left > 0; --left) {
    text += random_word(random, vocabulary);
    text += random.one_in(9) ? ". " : " ";
  }
  return text;
}

struct Question {
  std::string query;
  Asked asked;
};

inline Question leaf(Random& random, const TextModel& model, uint32_t vocabulary) {
  const std::string word = random_word(random, vocabulary);
  switch (random.below(8)) {
    case 0: {
      const std::string prefix = word.substr(0, 1 + random.below(word.size()));
      return {prefix + "*", {Asked::Kind::kPrefix, model.terms(prefix), 0, 1, {}}};
    }
    case 1: {
      const uint32_t edits = 1 + static_cast<uint32_t>(random.below(2));
      return {word + "~" + std::to_string(edits),
              {Asked::Kind::kNear, model.terms(word), edits, 1, {}}};
    }
    case 2: {
      Question phrase{"\"", {Asked::Kind::kPhrase, {}, 0, 1, {}}};
      for (uint64_t left = 2 + random.below(2); left > 0; --left) {
        const std::string part = random_word(random, 20);
        phrase.asked.words.push_back(model.terms(part)[0]);
        phrase.query += part + " ";
      }
      phrase.query += "\"";
      return phrase;
    }
    case 3: {
      const double boost = 0.5 + static_cast<double>(random.below(6));
      return {word + "^" + std::to_string(boost),
              {Asked::Kind::kWord, model.terms(word), 0, boost, {}}};
    }
    default: return {word, {Asked::Kind::kWord, model.terms(word), 0, 1, {}}};
  }
}

inline Question question(Random& random, const TextModel& model, uint32_t vocabulary, int depth) {
  const uint64_t shape = random.below(depth > 0 ? 10 : 4);
  if (shape < 3) return leaf(random, model, vocabulary);
  const Asked::Kind kind = shape < 5   ? Asked::Kind::kAny
                           : shape < 8 ? Asked::Kind::kAll
                                       : Asked::Kind::kBut;
  Question all{"", {kind, {}, 0, 1, {}}};
  for (uint64_t left = 2 + random.below(3); left > 0; --left) {
    const Question part = depth > 0 ? question(random, model, vocabulary, depth - 1)
                                    : leaf(random, model, vocabulary);
    if (!all.query.empty()) {
      all.query += kind == Asked::Kind::kAny ? " OR " : kind == Asked::Kind::kAll ? " AND " : " -";
    } else if (kind == Asked::Kind::kBut) {
      all.query += "+";
    }
    all.query += "(" + part.query + ")";
    all.asked.parts.push_back(part.asked);
  }
  return all;
}

inline void expect_answer(TextIndex& index, const std::string& query,
                          const std::vector<TextHit>& all, uint32_t limit) {
  std::vector<TextHit> hits;
  TextRequest request;
  request.query = query;
  request.limit = limit;
  expect_ok(index.search(request, hits));
  const size_t count = std::min<size_t>(limit, all.size());
  bool is_same = hits.size() == count;
  for (size_t at = 0; is_same && at < count; ++at) {
    is_same = std::abs(hits[at].score - all[at].score) <= 1e-9 * all[at].score &&
              hits[at].id == all[at].id;
  }
  if (!is_same) {
    std::fprintf(stderr, "  %s: %zu hits for %zu\n", query.c_str(), hits.size(), count);
    for (size_t at = 0; at < std::min<size_t>({hits.size(), count, 12}); ++at) {
      std::fprintf(stderr, "    %u %.15g  %u %.15g\n", hits[at].id, hits[at].score, all[at].id,
                   all[at].score);
    }
  }
  expect(is_same);
}

inline void ask(TextIndex& index, const TextModel& model, Random& random, uint32_t vocabulary,
                int count) {
  for (; count > 0; --count) {
    const Question one = question(random, model, vocabulary, static_cast<int>(random.below(3)));
    const std::vector<TextHit> all = model.search(one.asked);
    expect_answer(index, one.query, all, 1 + static_cast<uint32_t>(random.below(12)));
    if (random.one_in(4)) expect_answer(index, one.query, all, 100000);
  }
}

inline void change(TextIndex& index, TextModel& model, Random& random, uint32_t vocabulary,
                   uint32_t ids) {
  const uint32_t id = static_cast<uint32_t>(random.below(ids));
  if (model.has(id)) {
    expect(index.has(id) && index.remove(id) && !index.remove(id));
    model.remove(id);
    if (random.one_in(2)) return;
  }
  const std::string text = random_text(random, vocabulary, random.one_in(20) ? 400 : 30);
  expect_ok(index.add(id, text));
  model.add(id, text);
  expect(!index.add(id, text));
}

// Now and then whoever lends the blocks may bring them to rest.
inline void run_against_model(
    Blocks& blocks, uint64_t seed, uint32_t ids, int steps,
    const std::function<void()>& rest = [] {}) {
  Random random(seed);
  const uint32_t languages = static_cast<uint32_t>(random.below(4));
  const uint32_t vocabulary = 20 + static_cast<uint32_t>(random.below(800));
  TextModel model(languages, 1.2, 0.75);
  TextIndex index(blocks, {languages, "", 1.2, 0.75});
  for (int step = 0; step < steps; ++step) {
    change(index, model, random, vocabulary, ids);
    if (random.one_in(60)) index.compact();
    if (random.one_in(20)) rest();
    if (random.one_in(25)) ask(index, model, random, vocabulary, 2);
  }
  ask(index, model, random, vocabulary, 10);
  expect(index.stats().document_count == model.size());
  std::string image;
  index.serialise(image);
  ask(index, model, random, vocabulary, 5);
  std::vector<uint64_t> words(image.size() / 8 + 1);
  std::memcpy(words.data(), image.data(), image.size());
  const Bytes bytes(reinterpret_cast<const uint8_t*>(words.data()), image.size());
  const Result<std::unique_ptr<TextIndex>> mapped = TextIndex::open(bytes);
  expect_ok(mapped ? Status::ok() : mapped.error());
  if (mapped) ask(**mapped, model, random, vocabulary, 10);
  MemoryBlocks memory;
  const Result<std::unique_ptr<TextIndex>> copied = TextIndex::copy(bytes, memory);
  expect_ok(copied ? Status::ok() : copied.error());
  if (copied) {
    std::string again;
    (*copied)->serialise(again);
    expect(again == image);
    for (int step = 0; step < 30; ++step) change(**copied, model, random, vocabulary, ids);
    ask(**copied, model, random, vocabulary, 10);
  }
  index.clear();
}

}  // namespace varve::test::texts
