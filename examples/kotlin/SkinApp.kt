// From a photo to probabilities and a priority with LiteRT on Android, by docs/mobile.md. Not compiled here: read it as a sketch.
// build.gradle: implementation("com.google.ai.edge.litert:litert:1.+"); assets: model_int8.tflite (uncompressed) and model.json.
//
// The resize is Android's own and not the program's: hold your pixels against vectors/*.view.png, as docs/mobile.md says.

package org.example.skinapp

import android.content.Context
import android.graphics.Bitmap
import com.google.ai.edge.litert.Interpreter // org.tensorflow.lite.Interpreter in older versions
import org.json.JSONArray
import org.json.JSONObject
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import kotlin.math.exp
import kotlin.math.max
import kotlin.math.sqrt

class Outputs(val logits: FloatArray, val embedding: FloatArray, val cams: Array<Array<FloatArray>>)

class Answer(val view: String, val probabilities: Map<String, Double>, val priority: String, val advice: String)

class SkinApp(context: Context) {
    private val about = JSONObject(context.assets.open("model.json").reader().readText())
    private val config = about.getJSONObject("config")
    private val rules = config.getJSONObject("skinapp")
    private val codes = config.getJSONArray("label_names").let { names -> List(names.length()) { names.getString(it) } }
    private val shown = config.getJSONObject("pretrained_cfg")
    private val side = shown.getJSONArray("input_size").getInt(1)

    private val interpreter = context.assets.openFd("model_int8.tflite").use { file ->
        val weights = FileInputStream(file.fileDescriptor).channel
            .map(FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength)
        Interpreter(weights, Interpreter.Options().setNumThreads(1))
    }

    /** One look at an upright photo; `language` is "en" or "zh". The gate (blur, light, is it a lesion at all) comes before any priority. */
    fun answer(photo: Bitmap, language: String): Answer {
        val found = run(normalized(centre(photo)))
        val isClinical = evidence(found.embedding, rules.getJSONObject("clinical").getJSONObject("view_head")) > 0
        val rule = if (isClinical) rules.getJSONObject("clinical").getJSONObject("quick") else rules
        val limits = (if (isClinical) rules.getJSONObject("clinical") else rules).getJSONObject("quality").getJSONObject("refuse")
        val chances = codes.zip(softmax(found.logits, rule.getDouble("temperature")).toList()).toMap()
        val isLesion = evidence(found.embedding, rules.getJSONObject("lesion_head")) >= limits.getDouble("min_lesion_evidence")
        // The other figures of the gate stand in docs/mobile.md, "4. Gate"; an app that leaves them out answers photos that it shouldn't.
        val priority = if (isLesion) priority(chances, rule.getJSONObject("thresholds")) else "unclear"
        val words = about.getJSONObject("wording").getJSONObject(language)
        val advice = words.getJSONObject("advice").getString(priority) + " " + words.getString("disclaimer")
        return Answer(if (isClinical) "clinical" else "dermoscopic", chances, priority, advice)
    }

    /** The square in the middle of the photo at the network's size. */
    private fun centre(photo: Bitmap): Bitmap {
        val short = minOf(photo.width, photo.height)
        val square = Bitmap.createBitmap(photo, (photo.width - short) / 2, (photo.height - short) / 2, short, short)
        return Bitmap.createScaledBitmap(square, side, side, true)
    }

    private fun normalized(view: Bitmap): ByteBuffer {
        val mean = shown.getJSONArray("mean")
        val std = shown.getJSONArray("std")
        val colours = IntArray(side * side)
        view.getPixels(colours, 0, side, 0, 0, side, side)
        val pixels = ByteBuffer.allocateDirect(4 * 3 * side * side).order(ByteOrder.nativeOrder())
        for (colour in colours) {
            for (channel in 0..2) {
                val level = (colour shr (16 - 8 * channel)) and 0xff
                pixels.putFloat(((level / 255.0 - mean.getDouble(channel)) / std.getDouble(channel)).toFloat())
            }
        }
        pixels.rewind()
        return pixels
    }

    private fun run(pixels: ByteBuffer): Outputs {
        val (logits, cams, embedding) = listOf("logits", "cams", "embedding").map { name ->
            val shape = interpreter.getOutputTensorFromSignature(name, "serving_default").shape()
            ByteBuffer.allocateDirect(4 * shape.reduce(Int::times)).order(ByteOrder.nativeOrder())
        }
        val outputs = mapOf<String, Any>("logits" to logits, "cams" to cams, "embedding" to embedding)
        interpreter.runSignature(mapOf<String, Any>("pixel_values" to pixels), outputs, "serving_default")
        val cells = sqrt(cams.capacity() / 4.0 / codes.size).toInt()
        val maps = floats(cams)
        return Outputs(
            floats(logits),
            floats(embedding),
            Array(codes.size) { lesion -> Array(cells) { row -> FloatArray(cells) { maps[(lesion * cells + row) * cells + it] } } },
        )
    }

    private fun floats(buffer: ByteBuffer): FloatArray {
        buffer.rewind()
        return FloatArray(buffer.capacity() / 4).also { buffer.asFloatBuffer().get(it) }
    }

    private fun softmax(logits: FloatArray, temperature: Double): DoubleArray {
        val most = logits.max()
        val powers = DoubleArray(logits.size) { exp((logits[it] - most) / temperature) }
        return DoubleArray(powers.size) { powers[it] / powers.sum() }
    }

    /** The log-odds that a head tells of the direction of an embedding. */
    private fun evidence(embedding: FloatArray, head: JSONObject): Double {
        val weights: JSONArray = head.getJSONArray("weights")
        val length = max(sqrt(embedding.sumOf { it.toDouble() * it }), 1e-12)
        return embedding.indices.sumOf { embedding[it] * weights.getDouble(it) } / length + head.getDouble("bias")
    }

    /** The most severe priority whose lesion reaches its threshold, whichever lesion is likeliest. */
    private fun priority(chances: Map<String, Double>, thresholds: JSONObject): String {
        val severity = about.getJSONArray("priorities").let { names -> List(names.length()) { names.getString(it) } }
        val lesions = about.getJSONArray("lesions").let { all -> List(all.length()) { all.getJSONObject(it) } }
        val reached = lesions
            .filter { val code = it.getString("code"); thresholds.has(code) && chances.getValue(code) >= thresholds.getDouble(code) }
            .map { it.getString("priority") }
        if (reached.isNotEmpty()) return reached.minBy(severity::indexOf)
        val malignant = lesions.filter { it.getBoolean("malignant") }.sumOf { chances.getValue(it.getString("code")) }
        val isNear = chances.getValue("mel") >= thresholds.getDouble("near_mel") || malignant >= thresholds.optDouble("malignant", 1.0)
        return if (isNear) "medium" else "low"
    }
}
