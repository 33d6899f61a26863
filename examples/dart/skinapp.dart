// From a photo's pixels to probabilities and a priority with ONNX Runtime in Flutter, by docs/mobile.md. Not compiled here: read it
// as a sketch. pubspec.yaml: onnxruntime, image; assets: the .ort file that `export mobile` wrote (or the model folder's .onnx) and
// model.json. The .ort file takes pixels plane by plane, [1, 3, side, side]; the LiteRT files take them colour by colour.
//
// The resize is the package's and not the program's: hold your pixels against vectors/*.view.png, as docs/mobile.md says.

import 'dart:convert';
import 'dart:math';
import 'dart:typed_data';

import 'package:image/image.dart' as img;
import 'package:onnxruntime/onnxruntime.dart';

class Answer {
  Answer(this.view, this.probabilities, this.priority, this.advice);

  final String view;
  final Map<String, double> probabilities;
  final String priority;
  final String advice;
}

class SkinApp {
  SkinApp(Uint8List weights, String about)
      : about = jsonDecode(about) as Map<String, dynamic>,
        session = OrtSession.fromBuffer(weights, OrtSessionOptions()..setIntraOpNumThreads(1));

  final Map<String, dynamic> about;
  final OrtSession session;

  Map<String, dynamic> get config => about['config'] as Map<String, dynamic>;
  Map<String, dynamic> get rules => config['skinapp'] as Map<String, dynamic>;
  List<String> get codes => (config['label_names'] as List).cast<String>();
  int get side => (config['pretrained_cfg']['input_size'] as List)[1] as int;

  /// One look at a photo file; `language` is 'en' or 'zh'.
  Answer answer(Uint8List file, String language) {
    final photo = img.bakeOrientation(img.decodeImage(file)!);
    final view = img.copyResizeCropSquare(photo, size: side, interpolation: img.Interpolation.cubic);
    final input = OrtValueTensor.createTensorWithDataList(normalized(view), [1, 3, side, side]);
    final options = OrtRunOptions();
    final found = session.run(options, {'pixel_values': input}, ['logits', 'embedding']);
    final logits = doubles(found[0]!), embedding = doubles(found[1]!);
    for (final one in [input, ...found.whereType<OrtValue>()]) {
      one.release();
    }
    options.release();
    return judge(logits, embedding, language);
  }

  List<double> doubles(OrtValue value) => ((value.value as List).first as List).cast<double>();

  Answer judge(List<double> logits, List<double> embedding, String language) {
    final clinical = rules['clinical'] as Map<String, dynamic>?;
    final isClinical = clinical != null && evidence(embedding, clinical['view_head']) > 0;
    final rule = isClinical ? clinical['quick'] as Map<String, dynamic> : rules;
    final limits = (isClinical ? clinical['quality'] : rules['quality'])['refuse'] as Map<String, dynamic>;
    final chances = Map.fromIterables(codes, softmax(logits, (rule['temperature'] as num).toDouble()));
    // The other figures of the gate stand in docs/mobile.md, "4. Gate"; an app that leaves them out answers photos that it shouldn't.
    final isLesion = evidence(embedding, rules['lesion_head']) >= (limits['min_lesion_evidence'] as num);
    final told = isLesion ? priority(chances, rule['thresholds'] as Map<String, dynamic>) : 'unclear';
    final words = about['wording'][language] as Map<String, dynamic>;
    return Answer(isClinical ? 'clinical' : 'dermoscopic', chances, told, "${words['advice'][told]} ${words['disclaimer']}");
  }

  Float32List normalized(img.Image view) {
    final mean = config['pretrained_cfg']['mean'] as List, std = config['pretrained_cfg']['std'] as List;
    final pixels = Float32List(3 * side * side);
    for (final pixel in view) {
      final levels = [pixel.r, pixel.g, pixel.b];
      for (var channel = 0; channel < 3; channel++) {
        final place = (channel * side + pixel.y) * side + pixel.x;
        pixels[place] = (levels[channel] / 255 - mean[channel]) / std[channel];
      }
    }
    return pixels;
  }

  List<double> softmax(List<double> logits, double temperature) {
    final most = logits.reduce(max);
    final powers = [for (final logit in logits) exp((logit - most) / temperature)];
    final total = powers.reduce((a, b) => a + b);
    return [for (final power in powers) power / total];
  }

  /// The log-odds that a head tells of the direction of an embedding.
  double evidence(List<double> embedding, Map<String, dynamic> head) {
    final weights = head['weights'] as List;
    var length = 0.0, product = 0.0;
    for (var place = 0; place < embedding.length; place++) {
      length += embedding[place] * embedding[place];
      product += embedding[place] * (weights[place] as num);
    }
    return product / max(sqrt(length), 1e-12) + (head['bias'] as num);
  }

  /// The most severe priority whose lesion reaches its threshold, whichever lesion is likeliest.
  String priority(Map<String, double> chances, Map<String, dynamic> thresholds) {
    final severity = (about['priorities'] as List).cast<String>();
    final lesions = (about['lesions'] as List).cast<Map<String, dynamic>>();
    bool reaches(String code) => thresholds.containsKey(code) && chances[code]! >= (thresholds[code] as num);
    final reached = [for (final one in lesions) if (reaches(one['code'] as String)) one['priority'] as String];
    if (reached.isNotEmpty) {
      return reached.reduce((a, b) => severity.indexOf(a) <= severity.indexOf(b) ? a : b);
    }
    final malignant = [for (final one in lesions) if (one['malignant'] as bool) chances[one['code']]!].reduce((a, b) => a + b);
    final isNear = chances['mel']! >= (thresholds['near_mel'] as num) || malignant >= ((thresholds['malignant'] ?? 1.0) as num);
    return isNear ? 'medium' : 'low';
  }
}
