"""What a visitor reads, in English and Chinese. Never "diagnosis" or "safe" of a result.

Errors that only who runs the program meets are English and stand where they are raised. Knows the priorities and nothing else of
the program, so that every room can speak through it.
"""

from typing import Literal, NamedTuple

from skinapp.labels import Priority

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def preferred(accept_language: str) -> Language:
    """The first language of an Accept-Language header that we speak, else English."""
    for entry in accept_language.lower().split(","):
        tag = entry.partition(";")[0].strip().partition("-")[0]
        for language in LANGUAGES:
            if tag == language:
                return language
    return "en"


class Said(NamedTuple):
    """One sentence in every language."""

    en: str
    zh: str

    def to(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en

    def filled(self, **seen: object) -> "Said":
        """The sentence with these values in its places."""
        return Said(self.en.format(**seen), self.zh.format(**seen))


DISCLAIMER = Said(
    "For education and research only. This is not a medical device and not medical advice: it can be wrong, "
    "also when it says Low. If a spot worries you, or changes, itches or bleeds, show it to a doctor.",
    "仅供教育和研究使用。本程序不是医疗器械，也不构成医疗建议：它可能出错，显示“低”时也一样。"
    "如果某处皮损让您担心，或发生变化、发痒、出血，请让医生查看。",
)

PRIORITIES = {
    Priority.URGENT: Said("Urgent", "紧急"),
    Priority.HIGH: Said("High", "高"),
    Priority.MEDIUM: Said("Medium", "中"),
    Priority.LOW: Said("Low", "低"),
    Priority.UNCLEAR: Said("Retake", "请重拍"),
}

ADVICE = {
    Priority.URGENT: Said(
        "The picture shows features that can go with melanoma. Have a doctor look at the spot within days; "
        "many spots flagged here turn out harmless, but this one should not wait.",
        "图像具有黑色素瘤可能出现的特征。请在几天内让医生检查该处皮损；许多被提示的皮损最终是无害的，但不应拖延。",
    ),
    Priority.HIGH: Said(
        "The picture shows features that can go with a basal cell carcinoma. Have a doctor look at the spot within two weeks.",
        "图像具有基底细胞癌可能出现的特征。请在两周内让医生检查该处皮损。",
    ),
    Priority.MEDIUM: Said(
        "The picture shows features that a doctor should look at. Make an appointment within a month, "
        "sooner if the spot grows, bleeds or hurts.",
        "图像具有需要医生查看的特征。请在一个月内预约就诊；如果皮损增大、出血或疼痛，请尽早就诊。",
    ),
    Priority.LOW: Said(
        "The picture looks most like a harmless spot, but this answer can miss a cancer. "
        "Photograph the spot again in a month; if it changes, itches or bleeds, or you are unsure, "
        "show it to a doctor.",
        "图像最像无害的皮损，但本结果可能漏掉癌症。请一个月后再拍一次；如果皮损变化、发痒、出血，或您不放心，请让医生查看。",
    ),
    Priority.UNCLEAR: Said(
        "This photo can't be judged. Take it again as described; "
        "if the spot worries you, don't wait for a better photo but show it to a doctor.",
        "这张照片无法判断。请按提示重拍；如果皮损让您担心，不必等更好的照片，请直接让医生查看。",
    ),
}

WHEN = {
    Priority.URGENT: Said("A doctor should look within days", "请在几天内就医"),
    Priority.HIGH: Said("A doctor should look within two weeks", "请在两周内就医"),
    Priority.MEDIUM: Said("A doctor should look within a month", "请在一个月内就医"),
    Priority.LOW: Said("Watch the spot, photograph it again in a month", "继续观察，一个月后再拍"),
}
"""What each priority asks for, in a few words, where the whole advice would be too long."""

ISSUES = {
    "small": Said(
        "The photo is too small: move closer or send the original file.",
        "照片太小：请靠近拍摄或发送原始文件。",
    ),
    "blurred": Said(
        "The photo is blurred: hold still and tap on the spot to focus.",
        "照片模糊：请保持稳定并点按皮损对焦。",
    ),
    "shaken": Said(
        "The camera moved: rest your hand on something and hold still until the photo is taken.",
        "拍摄时相机晃动：请将手靠稳，保持不动直到拍完。",
    ),
    "dark": Said("The photo is too dark: add light.", "照片太暗：请增加光线。"),
    "bright": Said("The photo is too bright: step out of direct light.", "照片太亮：请避开直射光。"),
    "hair": Said(
        "Hair covers the spot: comb or hold it aside and take the photo again.",
        "毛发遮住了皮损：请拨开毛发后重拍。",
    ),
    "flat": Said(
        "The photo shows almost no contrast: clean the lens and fill the frame with the spot.",
        "照片几乎没有对比：请擦净镜头，让皮损占满画面。",
    ),
    "glare": Said(
        "The photo has glare: switch off the flash or tilt the camera.",
        "照片有反光：请关闭闪光灯或倾斜相机。",
    ),
    "no_lesion": Said(
        "No skin lesion was recognised: put one spot in the middle of the frame.",
        "未识别到皮损：请将一处皮损置于画面中央。",
    ),
}
"""By the values of quality.Issue."""

WARNINGS = {
    "small": Said(
        "The photo has few pixels: one from closer by can be judged better.",
        "照片像素较少：靠近拍摄可获得更可靠的判断。",
    ),
    "blurred": Said(
        "The spot is a little blurred: hold still and tap on it to focus for a surer answer.",
        "皮损略模糊：请保持稳定并点按皮损对焦，以得到更可靠的结果。",
    ),
    "shaken": Said(
        "The camera seems to have moved: rest your hand on something for a surer answer.",
        "相机似有晃动：请将手靠稳，以得到更可靠的结果。",
    ),
    "dark": Said("The photo is rather dark: more light makes the answer surer.", "照片偏暗：增加光线可使结果更可靠。"),
    "bright": Said(
        "The photo is rather bright: less light on the spot makes the answer surer.", "照片偏亮：减少直射光可使结果更可靠。"
    ),
    "flat": Said(
        "The photo has little contrast: a clean lens and even light make the answer surer.",
        "照片对比较低：擦净镜头、均匀光线可使结果更可靠。",
    ),
    "glare": Said(
        "There is some glare: without flash, or from another angle, the answer is surer.",
        "照片有些反光：关闭闪光灯或换个角度，结果更可靠。",
    ),
    "hair": Said("Hair lies over the spot: held aside, the answer is surer.", "皮损上有毛发：拨开后结果更可靠。"),
    "no_lesion": Said(
        "This may be no skin lesion: put one spot in the middle of the frame.",
        "这可能不是皮损：请将一处皮损置于画面中央。",
    ),
    "absent": Said(
        "No spot stands out from the skin: make sure that it is in the photo.", "未见与皮肤明显不同的皮损：请确认它在照片中。"
    ),
    "cut_off": Said(
        "The spot reaches the photo's edge: move back until all of it is in the frame.",
        "皮损到达照片边缘：请退后，让它完整入镜。",
    ),
    "far": Said("The spot is small in the photo: move closer.", "皮损在照片中较小：请靠近拍摄。"),
    "aside": Said("The spot lies aside: put it in the middle of the frame.", "皮损偏离中央：请将其置于画面中央。"),
}
"""By the values of quality.Issue and frame.Flaw: what a photo was answered in spite of."""

LESIONS = {
    "akiec": Said("Sun damage or early skin cancer (actinic keratosis)", "日光性角化病 / 表皮内癌"),
    "bcc": Said("Basal cell carcinoma", "基底细胞癌"),
    "bkl": Said("Harmless keratosis (age or sun spot)", "良性角化病"),
    "df": Said("Dermatofibroma (harmless lump)", "皮肤纤维瘤"),
    "mel": Said("Melanoma", "黑色素瘤"),
    "nv": Said("Mole (nevus)", "黑色素细胞痣"),
    "vasc": Said("Blood-vessel spot (vascular lesion)", "血管性皮损"),
}

TABS = {
    "photo": Said("Photo", "照片"),
    "many": Said("Many photos", "多张照片"),
    "live": Said("Live", "实时"),
    "follow": Said("Follow-up", "随访"),
    "ondevice": Said("On this device", "本机处理"),
    "teach": Said("Teach", "教学"),
    "about": Said("About", "说明"),
}
"""The page's tabs by their names."""

KEPT_MINUTES = 10
"""How long a photo may stay in the page's temporary folder; the page empties it by this figure, and says so."""

PAGE = {
    "question": Said("How soon should a doctor look at this spot?", "这处皮损该多快让医生查看？"),
    "promise": Said(
        "Give one photo of one spot. A small neural network compares it with seven kinds of skin lesion "
        "and answers with a priority.",
        "给出一处皮损的一张照片，小型神经网络会将它与七种皮损比较，并给出就医优先级。",
    ),
    "label": Said("Education and research only", "仅供教育和研究"),
    "photo": Said("Photo of the spot", "皮损照片"),
    "drop": Said(
        "# Add a photo of the spot\nChoose, drop or paste one, or use the camera", "# 添加皮损照片\n选择、拖放、粘贴，或使用相机"
    ),
    "centred": Said("Find the spot and answer the part around it", "找到皮损，并只判断其周围部分"),
    "careful": Said("Look several times and answer from all looks", "多次查看照片，综合作答"),
    "tip_fill": Said("One spot, in the middle, filling about half the frame", "只拍一处皮损，置于中央，约占画面一半"),
    "tip_sharp": Said("Hold still and tap on the spot to focus", "保持稳定，点按皮损对焦"),
    "tip_light": Said("Even light, no flash, no hair across the spot", "光线均匀，不用闪光灯，避开毛发"),
    "expect": Said("What you will get", "您将得到什么"),
    "expect_priority": Said("One of four priorities, and what to do next", "四级优先级之一，以及下一步建议"),
    "expect_more": Said(
        "You also see how likely each of the seven lesions is, and where on the photo the network looked.",
        "同时给出：七种皮损各自的可能性，以及网络在照片上关注的位置。",
    ),
    "disclaimer": DISCLAIMER,
    "kept": Said(
        f"Your photo goes to this server alone, and its temporary copy is deleted after {KEPT_MINUTES} minutes; "
        "a photo in the tab On this device goes nowhere.",
        f"您的照片只发送到本服务器，临时副本会在 {KEPT_MINUTES} 分钟后删除；“本机处理”标签页中的照片不会发送。",
    ),
    "model": Said("Model", "模型"),
}
"""What stands on the page before any answer; the browser picks the language."""

EXAMPLES = {
    "title": Said("Examples", "示例"),
    "drawings": Said("No photo at hand? Try a drawing", "手边没有照片？试试绘图"),
    "drawings_note": Said(
        "Drawn by this program, nobody's skin: they show how the page answers, and the answers mean nothing.",
        "由本程序绘制，不是任何人的皮肤：仅演示本页如何作答，其结果没有意义。",
    ),
    "pictures": Said("Examples that come with the model", "随模型提供的示例"),
    "pictures_note": Said("Chosen by whoever published the model.", "由模型发布者选定。"),
    "gone": Said("There is no such example; choose one of those shown.", "没有这个示例；请从所示示例中选择。"),
}

DRAWINGS = {
    "even": Said("Drawing: an even brown spot", "绘图：颜色均匀的棕色斑"),
    "uneven": Said("Drawing: a spot of two browns with an uneven edge", "绘图：深浅不一、边缘不规则的棕色斑"),
    "red": Said("Drawing: a red spot", "绘图：红色斑"),
    "blurred": Said("Drawing: a spot out of focus", "绘图：失焦的斑"),
}
"""By the names of examples.SPOTS."""

ANSWER = {
    "answer": Said("Answer", "结果"),
    "priority": Said("Priority", "优先级"),
    "step": Said("Step {step} of {steps} on the priority scale", "优先级第 {step} 级，共 {steps} 级"),
    "chances": Said("How likely each lesion is", "各种皮损的可能性"),
    "set": Said("Nine times in ten, the true kind is among: {names}.", "十次中有九次，真实的类别在以下之中：{names}。"),
    "view_dermoscopic": Said("Taken through a dermatoscope, it seems.", "看来是用皮肤镜拍摄的。"),
    "view_clinical": Said(
        "Taken with a plain camera, it seems: such photos show less than those through a dermatoscope, and answers to them are "
        "right less often.",
        "看来是用普通相机拍摄的：这类照片显示的信息少于皮肤镜照片，回答的正确率也较低。",
    ),
    "chances_note": Said(
        "The priority follows the most serious lesion that passes its limit, even when another one is likelier. "
        "Just below melanoma's limit it is still Medium.",
        "优先级取决于超过界限的最严重皮损，即使另一种皮损可能性更大。略低于黑色素瘤界限时仍为“中”。",
    ),
    "chances_unclear": Said(
        "Shown in grey: on a photo like this the figures can't be relied on.",
        "以灰色显示：对于这样的照片，这些数字不可靠。",
    ),
    "malignant": Said("Cancer or precursor", "恶性或癌前"),
    "benign": Said("Usually harmless kinds", "通常良性"),
    "malignant_what": Said(
        "Melanoma, basal cell carcinoma and sun damage or early skin cancer taken together, against the other four. "
        "The limit of one lesion can be passed while this sum is small.",
        "黑色素瘤、基底细胞癌和日光性角化病 / 表皮内癌三者之和，与其余四种相对。即使此和很小，单个皮损也可能超过界限。",
    ),
    "quality_ok": Said(
        "The photo passed every check: size, light, contrast, glare, sharpness, and that it shows a lesion.",
        "照片通过了所有检查：尺寸、光线、对比、反光、清晰度，以及是否显示皮损。",
    ),
    "reasons": Said("What was wrong with the photo", "照片的问题"),
    "warnings": Said("Answered, but the photo could be better", "已作答，但照片可以更好"),
    "evidence": Said("Where the model looked", "模型关注的位置"),
    "evidence_note": Said(
        "Warm colours mark where the evidence for this lesion lies: where, not why. Without colour it is weak. "
        "Darkened edges were not looked at.",
        "暖色标出支持该皮损的位置：只说明在哪里，不说明为什么。没有颜色处依据很弱。变暗的边缘未被查看。",
    ),
    "evidence_for": Said("Evidence for", "所示皮损"),
    "evidence_photo": Said("Your photo", "您的照片"),
    "evidence_overlay": Said("Overlay", "叠加图"),
    "evidence_strength": Said("Fade between photo and overlay", "在照片与叠加图之间渐变"),
    "evidence_alt": Said("Your photo with the evidence laid on it", "您的照片，叠加了依据"),
    "busy": Said("Looking at the photo…", "正在查看照片…"),
    "failed": Said("This photo couldn't be answered", "无法处理这张照片"),
    "failed_next": Said(
        "Nothing is lost: choose another photo or take a new one.",
        "没有任何损失：请选择另一张照片或重新拍摄。",
    ),
    "ran": Said("{model}, {precision}, on {provider}, in {elapsed} ms", "{model}，{precision}，{provider}，{elapsed} 毫秒"),
}
"""What stands around an answer; the request's Accept-Language picks the language."""

REPORT = {
    "save": Said("Save a report", "保存报告"),
    "save_note": Said(
        "One file, made in your browser; nothing is kept on the server.", "单个文件，在您的浏览器中生成；服务器不保留任何内容。"
    ),
    "title": Said("Report on one photo", "单张照片的报告"),
    "made": Said("Made", "生成时间"),
    "photo": Said("The photo", "照片"),
    "overlay": Said("Evidence for: {lesion}", "所示皮损：{lesion}"),
    "lesion": Said("Lesion", "皮损"),
    "chance": Said("Probability", "概率"),
    "quality": Said("The photo, as measured", "照片的测量值"),
    "short_side": Said("Short side", "短边"),
    "sharpness": Said("Sharpness of the spot", "皮损清晰度"),
    "evenness": Said("Steadiness (0 to 1)", "稳定度（0 至 1）"),
    "brightness": Said("Brightness (0 to 255)", "亮度（0 至 255）"),
    "contrast": Said("Contrast (grey levels)", "对比（灰度级）"),
    "glare": Said("Glare", "反光"),
    "hair": Said("Hair over the spot", "皮损上的毛发"),
    "lesion_evidence": Said("Evidence of a lesion (log-odds)", "皮损证据（对数几率）"),
    "model": Said("What answered", "作答的模型"),
    "id": Said("Model", "模型"),
    "revision": Said("Revision", "版本"),
    "file": Said("File", "文件"),
    "precision": Said("Precision", "精度"),
    "provider": Said("Ran on", "运行于"),
    "elapsed": Said("Time", "用时"),
}
"""The report that a visitor saves; the eight figures are those of quality.Figures."""

ABOUT = {
    "for": Said("What this is for", "用途"),
    "intended": Said("Meant for", "适用于"),
    "intended_teach": Said(
        "Teaching and research on photos of single lesions, through a dermatoscope or by a plain camera",
        "以皮肤镜或普通相机拍摄的单个皮损照片进行教学和研究",
    ),
    "intended_show": Said(
        "Showing what a small network can and can't do, openly and with its figures",
        "公开展示小型网络能做什么、不能做什么，并给出数据",
    ),
    "outside": Said("Not for", "不适用于"),
    "outside_health": Said("Deciding about anybody's health, your own included", "决定任何人的健康问题，包括您自己"),
    "outside_other": Said(
        "Photos of anything but one of the seven lesions; wounds, rashes, nails and eyes are none",
        "七种皮损以外的照片；伤口、皮疹、指甲和眼睛都不属于此类",
    ),
    "outside_calm": Said("Putting your mind at rest about a spot that changes", "让您对正在变化的皮损放心"),
    "limits": Said("Limits", "局限"),
    "limits_alarm": Said(
        "It errs on the side of alarm: {urgent} of {low} photos of harmless spots were answered Urgent.",
        "它宁可多报：{low} 张良性皮损照片中，有 {urgent} 张得到“紧急”。",
    ),
    "limits_light": Said(
        "It learned almost only from light skin; for dark skin nothing is claimed.",
        "它几乎只从浅色皮肤学习；对深色皮肤不作任何声明。",
    ),
    "limits_phone": Said(
        "It learned from photos taken through a dermatoscope; how it does on plain phone photos was not measured.",
        "它从皮肤镜照片学习；在普通手机照片上的表现未经测量。",
    ),
    "limits_plain": Said(
        "A plain photo is worth less than one through a dermatoscope: it named {clinical} of the lesions right, against "
        "{dermoscopic} (mean of the seven), and called {low} of the melanomas in plain photos Low.",
        "普通照片不如皮肤镜照片：认对皮损的比例为 {clinical}，皮肤镜照片为 {dermoscopic}（七种平均）；"
        "普通照片中 {low} 的黑色素瘤被判为“低”。",
    ),
    "limits_unknown": Said(
        "What it was trained on is not known here; nothing is claimed for any kind of photo.",
        "此处不知道它用什么训练；对任何照片都不作声明。",
    ),
    "limits_map": Said("The coloured map shows where the evidence lies, not why.", "彩色图只说明依据在哪里，不说明为什么。"),
    "good": Said("How good it is", "效果如何"),
    "measured_on": Said(
        "Measured on {n} photos of {lesions} lesions that it never saw in training ({split}, {precision}), by this program's own "
        "code; the intervals are by lesion.",
        "在训练中从未见过的 {lesions} 处皮损的 {n} 张照片上（{split}，{precision}），用本程序自身的代码测得。区间按皮损计算。",
    ),
    "unmeasured": Said(
        "Nothing was measured for this model: its folder holds no figures. Take its answers as a demonstration of the page.",
        "该模型没有任何测量结果：其文件夹不含数据。请把它的回答当作页面演示。",
    ),
    "unmeasured_file": Said(
        "Nothing was measured for the file that answers here ({file}); the model's other files have figures in its metrics.json.",
        "此处作答的文件（{file}）没有测量结果；该模型其他文件的数据见其 metrics.json。",
    ),
    "figure": Said("Figure", "指标"),
    "value": Said("Measured", "测得"),
    "interval": Said("{low} to {high}", "{low} 至 {high}"),
    "interval_head": Said("95% interval", "95% 区间"),
    "dermoscopic": Said("Through a dermatoscope ({n} photos)", "皮肤镜照片（{n} 张）"),
    "clinical": Said("By a plain camera ({n} photos)", "普通相机照片（{n} 张）"),
    "unknown": Said("Lesions that it doesn't know", "它不认识的皮损"),
    "unknown_note": Said(
        "It can only name the seven. These photos show others, and this is what they were answered.",
        "它只能说出七种皮损。以下照片属于其他皮损，表中是对它们的回答。",
    ),
    "count": Said("{count} of {all}", "{count} / {all}"),
    "low_missed": Said("melanomas called Low", "黑色素瘤被判为“低”"),
    "low_right": Said("harmless spots answered Low", "良性皮损得到“低”"),
    "priorities": Said("Priority answered, by what the lesion was", "按实际皮损给出的优先级"),
    "truth": Said("Should be", "应为"),
    "answered": Said("Answered: {priority}", "得到：{priority}"),
    "confusion": Said("What each lesion was named", "各种皮损被认作什么"),
    "confusion_note": Said(
        "Rows: what it was. Columns: what it was named. Photos.", "行：实际皮损；列：被认作的皮损。单位：张。"
    ),
    "robust": Said("Under mild faults of cameras", "在相机轻微缺陷下"),
    "fault": Said("Fault", "缺陷"),
    "kept": Said("Same lesion named", "皮损名称不变"),
    "urgent_kept": Said("Urgent stayed Urgent", "“紧急”仍为“紧急”"),
    "answered_share": Said("Photos answered", "得到回答的照片"),
    "kept_photo": Said("What happens to your photo", "您的照片会怎样"),
    "kept_read": Said("It goes to this server alone, is read, answered and dropped.", "它只发送到本服务器，读取、作答后即丢弃。"),
    "kept_copy": Said(
        f"A temporary copy is deleted after {KEPT_MINUTES} minutes; nothing else of it is written.",
        f"临时副本在 {KEPT_MINUTES} 分钟后删除；除此之外不写入任何内容。",
    ),
    "kept_never": Said("It is never used for training and sent to no other host.", "它绝不用于训练，也不会发送到其他主机。"),
    "kept_report": Said("A report is put together in your own browser.", "报告在您自己的浏览器中生成。"),
    "call": Said("Call it from a program", "用程序调用"),
    "call_note": Said(
        "The report is JSON with seven probabilities, priority, advice and the model's revision; "
        "/classify_batch takes a list of photos.",
        "返回的报告为 JSON，含七个概率、优先级、建议和模型版本；/classify_batch 接受照片列表。",
    ),
    "which": Said("Which model this is", "所用模型"),
    "architecture": Said("Network", "网络"),
    "trained_on": Said("Trained on", "训练数据"),
    "trained_count": Said("{count} photos of {name}", "{name} 的 {count} 张照片"),
}
"""The About tab."""

FIGURES = {
    "melanoma.called_urgent": Said("melanomas answered Urgent", "黑色素瘤得到“紧急”"),
    "balanced_accuracy": Said("right lesion named, mean of the seven (balanced accuracy)", "认对皮损，七种平均（平衡准确率）"),
    "accuracy": Said("right lesion named (accuracy)", "认对皮损（准确率）"),
    "top3_accuracy": Said("right lesion among the three likeliest", "正确皮损在前三位"),
    "melanoma.sensitivity": Said("melanomas that pass their limit (sensitivity)", "黑色素瘤超过其界限（灵敏度）"),
    "melanoma.specificity": Said("other lesions that stay below it (specificity)", "其他皮损低于该界限（特异度）"),
    "melanoma.auc": Said("melanoma told from the rest (AUC)", "区分黑色素瘤与其他（AUC）"),
    "malignant_auc": Said("cancer or precursor told from the rest (AUC)", "区分恶性或癌前与其他（AUC）"),
    "ece": Said("gap between how sure it is and how often it is right (ECE)", "把握程度与正确率之差（ECE）"),
    "ece_on_mix": Said("the same where lesions are as common as in the bars' mix", "同上，按条形图所依据的皮损比例"),
    "sets.size": Said("lesions among which the true one is nine times in ten, mean", "十次有九次包含正确皮损的集合，平均大小"),
    "answered": Said("photos answered, not sent back", "得到回答而未被退回的照片"),
}
"""What is shown of a model's metrics.json, by the keys there."""

UNKNOWN = {
    "scc": Said("Squamous cell carcinoma", "鳞状细胞癌"),
    "inflammation": Said("Inflammation", "炎症"),
    "other_benign": Said("Other harmless lesion", "其他良性皮损"),
    "other_malignant": Said("Other cancer", "其他恶性皮损"),
}
"""The diagnoses outside of the seven by their keys in metrics.json."""

FAULTS = {
    "gaussian_blur": Said("Out of focus", "失焦"),
    "motion_blur": Said("Moved", "抖动"),
    "jpeg": Said("Strong JPEG compression", "JPEG 压缩较强"),
    "brighter": Said("Too bright", "过亮"),
    "darker": Said("Too dark", "过暗"),
    "noise": Said("Grainy", "噪点"),
    "hue": Said("Colours shifted", "偏色"),
    "quarter_turn": Said("Turned by a quarter", "旋转 90 度"),
    "coarse": Said("Few pixels", "像素少"),
    "webcam": Said("As a webcam takes it", "网络摄像头拍摄"),
    "screen": Said("Photographed from a screen", "翻拍屏幕"),
}
"""The faults of metrics.json by their keys."""

PLOTS = {
    "reliability": Said(
        "How often the likeliest lesion is right, against how sure the model is", "最可能的皮损的正确率，与模型的把握程度相对"
    ),
    "roc": Said("Lesions found, against false alarms", "检出的皮损，与误报相对"),
}
"""The pictures of plots/ that the page shows; what they hold beyond these is shown as tables."""

MANY = {
    "title": Said("Many photos at once", "一次查看多张照片"),
    "reason": Said("{name} {chance}, limit {limit}", "{name} {chance}，界限 {limit}"),
    "together": Said("Malignant kinds together", "各恶性类别合计"),
    "drop": Said("Drop a folder or photos here, or choose them", "将文件夹或照片拖放到此处，或选择"),
    "files": Said("Choose photos", "选择照片"),
    "folder": Said("Choose a folder", "选择文件夹"),
    "limit": Said(
        "Up to {most} photos, {megabytes} MB each. One spot in each photo; the answers come as a table, most urgent first.",
        "最多 {most} 张照片，每张不超过 {megabytes} MB。每张照片只含一处皮损；结果以表格列出，最紧急的在前。",
    ),
    "test": Said("Do you know what the spots are? Test it on your own photos", "您知道这些皮损是什么吗？用自己的照片测试"),
    "test_how": Said(
        "Put the photos into folders named after the lesions, or add a CSV with the columns file and dx. You then also see how "
        "often the answer was right. The names are:",
        "将照片放入以皮损代码命名的文件夹，或加入一个含 file 和 dx 两列的 CSV 文件，即可看到答案的正确率。代码为：",
    ),
    "done": Said("{done} of {all} done", "已完成 {done} / {all}"),
    "stop": Said("Stop", "停止"),
    "stopped": Said("Stopped; what was answered before is in the table.", "已停止；此前的结果在表格中。"),
    "too_many": Said(
        "These are more than {most} photos; choose fewer, or answer them in parts.",
        "照片超过 {most} 张；请减少数量或分批进行。",
    ),
    "no_files": Said(
        "No photos were found in what you gave; choose photos or a folder that holds some.",
        "未找到照片；请选择照片或含有照片的文件夹。",
    ),
    "too_large": Said(
        "The file has more than {megabytes} MB; send a smaller photo.",
        "文件超过 {megabytes} MB；请发送较小的照片。",
    ),
    "not_sent": Said(
        "The photo didn't reach the server or got no answer from it; check the connection and give it again.",
        "照片未能送达服务器或没有得到回答；请检查网络并重新提交。",
    ),
    "answers": Said("Answers", "结果"),
    "csv": Said("Save as CSV", "保存为 CSV"),
    "json": Said("Save as JSON", "保存为 JSON"),
    "clear": Said("Start over", "重新开始"),
    "photo": Said("Photo", "照片"),
    "file": Said("File", "文件"),
    "priority": Said("Priority", "优先级"),
    "likeliest": Said("Likeliest", "最可能"),
    "truth": Said("True lesion", "实际皮损"),
    "unread": Said("Unreadable", "无法读取"),
    "sorted": Said("Sort by {column}", "按{column}排序"),
    "figures": Said("How right the answers were", "答案的正确率"),
    "accuracy": Said("Accuracy", "准确率"),
    "accuracy_note": Said("share of photos whose lesion was named", "皮损判断正确的照片比例"),
    "balanced": Said("Balanced accuracy", "平衡准确率"),
    "balanced_note": Said("mean over the lesions that occur", "各类皮损的平均值"),
    "labelled": Said("Photos with a known lesion", "已知皮损的照片"),
    "interval": Said("95% interval {low} to {high}", "95% 区间 {low} 至 {high}"),
    "figures_note": Said(
        "Every photo that could be read counts, by its likeliest lesion, also one that was sent back for a retake. The intervals "
        "take every photo for a lesion of its own; a few photos tell little.",
        "所有可读取的照片均按最可能的皮损计入，包括建议重拍的照片。区间将每张照片视为一处独立皮损；照片太少时意义有限。",
    ),
    "no_labels": Said(
        "The labels name none of these photos; the column file must hold their names.",
        "标签中没有这些照片；file 列必须包含照片的文件名。",
    ),
    "confusion": Said("True lesions (rows) and what they were named as (columns)", "实际皮损（行）与判断结果（列）"),
    "sum": Said("All", "合计"),
}
"""What stands on the tab for many photos."""

TEACH = {
    "title": Said("Teach it your own", "教它认识您的类别"),
    "lead": Said(
        "Show it a few dozen pictures of each thing, and it learns to tell them apart: lesions, cats and dogs, rock, paper, "
        "scissors. No code, and in a minute or so.",
        "每种东西给它看几十张图片，它就能学会区分：皮损、猫和狗、石头剪刀布。无需编程，大约一分钟。",
    ),
    "step1": Said("1. Drop pictures", "1. 放入图片"),
    "step1_what": Said("one folder a class", "每类一个文件夹"),
    "step2": Said("2. Train", "2. 训练"),
    "step2_what": Said("and see how good it is", "并查看效果"),
    "step3": Said("3. Try and download", "3. 试用和下载"),
    "step3_what": Said("a model that is yours", "属于您的模型"),
    "drop": Said("Drop a zip or a folder here", "将 zip 或文件夹拖到这里"),
    "drop_how": Said(
        "In it, one folder for each class, named after the class. A folder called test, if there is one, is kept for measuring.",
        "其中每一类一个文件夹，以类别命名。如果有名为 test 的文件夹，则留作测量。",
    ),
    "zip": Said("Choose a zip", "选择 zip"),
    "folder": Said("Choose a folder", "选择文件夹"),
    "sample": Said("Try with drawn patterns", "用绘制的图案试试"),
    "limit": Said(
        "Up to {megabytes} MB, {pictures} pictures, {classes} classes and {megapixels} megapixels in all, and {minutes} minutes "
        "of a processor's time.",
        "最多 {megabytes} MB、{pictures} 张图片、{classes} 类、总计 {megapixels} 百万像素，以及 {minutes} 分钟处理器时间。",
    ),
    "kept": Said(
        "Your pictures stay on this server while you are here and are deleted when you leave.",
        "您的图片只在您停留期间保存在本服务器，离开即删除。",
    ),
    "sending": Said("Sending your pictures…", "正在发送图片…"),
    "too_heavy": Said(
        "That is more than {megabytes} MB; leave pictures out or make them smaller.",
        "超过 {megabytes} MB；请减少图片或缩小图片。",
    ),
    "not_sent": Said("Your pictures couldn't be sent; check the connection and try again.", "图片未能发送；请检查网络后重试。"),
    "starting": Said("Waiting for a free place…", "正在等待空位…"),
    "left": Said("about {seconds} s left", "约剩 {seconds} 秒"),
    "stop": Said("Stop", "停止"),
    "stopped": Said("Stopped. Start again whenever you like.", "已停止。可随时重新开始。"),
    "found": Said("{pictures} pictures in {classes} classes", "{classes} 类，共 {pictures} 张图片"),
    "forget": Said("Delete and start over", "删除并重新开始"),
    "pictures": Said("{count} pictures", "{count} 张"),
    "pictures_test": Said("{count} pictures, {tests} for testing", "{count} 张，另有 {tests} 张用于测试"),
    "refused": Said("{count} files are not used; see why", "有 {count} 个文件未使用，查看原因"),
    "refused_more": Said("and {count} more", "另有 {count} 个"),
    "share": Said("Kept back for measuring:", "留作测量："),
    "share_what": Said(
        "It is measured on pictures that it never saw. Near-copies of a picture stay on one side.",
        "用它从未见过的图片来测量。近似的图片会留在同一侧。",
    ),
    "share_given": Said(
        "It is measured on the {count} pictures of your test folder.", "用您 test 文件夹中的 {count} 张图片来测量。"
    ),
    "train": Said("Train", "开始训练"),
    "waiting": Said("Starting…", "正在开始…"),
    "how_good": Said("How good it is", "效果如何"),
    "accuracy": Said("named right (accuracy)", "认对（准确率）"),
    "balanced_accuracy": Said("mean of the classes (balanced accuracy)", "各类平均（平衡准确率）"),
    "learned": Said("pictures learned from", "张图片用于学习"),
    "interval": Said("95% interval {low} to {high}", "95% 区间 {low} 至 {high}"),
    "measured": Said(
        "Measured on {count} pictures that it never saw; naming always the commonest class would give {commonest}.",
        "在它从未见过的 {count} 张图片上测得；总是回答最常见的类别会得到 {commonest}。",
    ),
    "dropped": Said(
        "{count} pictures were not learned from, because your test folder holds near-copies of them.",
        "有 {count} 张图片未用于学习，因为您的 test 文件夹中有其近似副本。",
    ),
    "helped": Said(
        "More pictures of {label} would help most: with half of the pictures {half} of it were found, with all {whole}.",
        "增加{label}的图片最有帮助：用一半图片时找到 {half}，用全部时 {whole}。",
    ),
    "helped_rarest": Said(
        "It finds {label} least often ({whole}): more, and more varied, pictures of it are the best try.",
        "它最不容易找到{label}（{whole}）：可尝试增加更多、更多样的图片。",
    ),
    "helped_none": Said(
        "In cross-validation every picture was named right: harder pictures would tell more than more of the same.",
        "交叉验证中每张图片都认对了：与其增加同类图片，不如加入更难的图片。",
    ),
    "confusion": Said("What each class was named", "各类被认作什么"),
    "confusion_note": Said(
        "Rows: what it was. Columns: what it was named. Pictures kept back.",
        "行：实际类别；列：被认作的类别。单位：留出的图片张数。",
    ),
    "curve": Said("Would more pictures help?", "更多图片有帮助吗？"),
    "curve_share": Said("Share of the pictures", "所用图片比例"),
    "curve_note": Said(
        "How many of each class were found when learning from a part of the pictures, by cross-validation. Bars that still grow "
        "promise more.",
        "只用一部分图片学习时各类被找到的比例（交叉验证）。仍在增长的条形说明还有提升空间。",
    ),
    "all_classes": Said("All classes", "所有类别"),
    "mistakes": Said("Its worst mistakes", "最严重的错误"),
    "mistakes_note": Said(
        "The surest wrong answers on pictures kept back. Warm colours mark where it saw what it named.",
        "对留出图片最有把握的错误回答。暖色标出它看到所认类别的位置。",
    ),
    "mistakes_none": Said("None: every picture that was kept back was named right.", "没有：留出的图片全部认对。"),
    "mistake": Said("{truth}, named <b>{named}</b> ({chance})", "{truth}，被认作<b>{named}</b>（{chance}）"),
    "map_of": Said("Where it saw {named}", "它看到{named}的位置"),
    "download": Said("Download the model", "下载模型"),
    "download_what": Said(
        "A folder that runs anywhere: the network with its new head (ONNX), its settings, everything measured, and a card.",
        "可在任何地方运行的文件夹：带新分类头的网络（ONNX）、配置、全部测量结果和说明卡。",
    ),
    "run": Said("Run it, hand it on, or train more", "运行、分享或进一步训练"),
    "more": Said(
        "Only the head was taught here. For the seven lesions the whole network can be trained, in hours and with torch:",
        "此处只训练了分类头。对于七种皮损，可以训练整个网络，需要数小时和 torch：",
    ),
    "try": Said("Try it below with a photo or the camera.", "可在下方用照片或相机试用。"),
    "tried": Said("Try your model", "试用您的模型"),
}
"""The Teach tab."""

STAGES = {
    "checking": Said("Checking your pictures' sizes", "正在检查图片大小"),
    "reading": Said("Reading your pictures", "正在读取图片"),
    "looking": Said("Looking at every picture", "正在查看每张图片"),
    "comparing": Said("Looking for near-copies", "正在查找近似图片"),
    "learning": Said("Learning, and checking itself", "正在学习并自我检验"),
    "writing": Said("Writing the model", "正在写出模型"),
}
"""By the stages of teach.progress."""

TAUGHT = {
    "no_zip": Said(
        "The file is not a zip that can be read here; pack the folders into a plain zip, without a password, and give that.",
        "该文件不是这里能读取的 zip；请将文件夹打包成普通的、不带密码的 zip。",
    ),
    "heavy": Said(
        "The zip has {size:.0f} MB, more than {most}; leave pictures out or make them smaller.",
        "zip 有 {size:.0f} MB，超过 {most} MB；请减少图片或缩小图片。",
    ),
    "too_many_files": Said(
        "The zip holds {count} files, more than {most}; leave some out.", "zip 含有 {count} 个文件，超过 {most} 个；请减少文件。"
    ),
    "too_many": Said(
        "The zip holds {count} pictures, more than {most}; a few hundred of each class are enough.",
        "zip 含有 {count} 张图片，超过 {most} 张；每类几百张就足够了。",
    ),
    "many_classes": Said(
        "There are {count} folders of pictures, more than {most} classes; give one folder a class, and fewer of them.",
        "图片分布在 {count} 个文件夹中，超过 {most} 类；请每类一个文件夹，并减少类别。",
    ),
    "bomb": Said(
        "Unpacked, the pictures have more than {most} MB; make them smaller or leave some out.",
        "解压后图片超过 {most} MB；请缩小图片或减少图片。",
    ),
    "large": Said(
        "The pictures have more than {most} megapixels together; make them smaller or leave some out.",
        "图片总计超过 {most} 百万像素；请缩小图片或减少图片。",
    ),
    "slow": Said(
        "Your pictures took more than {most} minutes of the processor's time; give fewer or smaller ones.",
        "处理您的图片已用去超过 {most} 分钟的处理器时间；请减少图片或缩小图片。",
    ),
    "long_names": Said(
        "The zip's list of files alone has {size:.0f} MB, more than {most}; shorten the names of files and folders.",
        "zip 的文件列表就有 {size:.0f} MB，超过 {most} MB；请缩短文件和文件夹的名称。",
    ),
    "nothing": Said(
        "No pictures were found in folders; make one folder for each class, put its pictures in, and give all folders together.",
        "没有在文件夹中找到图片；请为每一类建一个文件夹，放入图片，再一起提供。",
    ),
    "few_classes": Said(
        "Two classes with at least {least} pictures each are needed; found: {found}. Make one folder for each class.",
        "需要至少两类，每类至少 {least} 张图片；目前找到：{found}。请为每一类建一个文件夹。",
    ),
    "alike": Said(
        "Of “{label}”, fewer than two different pictures are left to learn from; near-copies count as one. Add more of it.",
        "“{label}”中可供学习的不同图片少于两张（近似副本只算一张）；请添加更多图片。",
    ),
    "busy": Said("Too many people are teaching right now; try again in a few minutes.", "当前教学的人太多；请几分钟后再试。"),
    "gone": Said(
        "Your pictures are no longer here: they are deleted when the page is left or not used. Give them again.",
        "您的图片已不在此处：离开或停用页面后会被删除。请重新提供。",
    ),
    "displaced": Said(
        "Your pictures were deleted to make room for another visitor: all places were taken, and yours was unused the longest. "
        "Give them again.",
        "为给其他访客腾出位置，您的图片已被删除：所有位置已满，而您的位置闲置最久。请重新提供。",
    ),
}
"""Why a visitor's pictures as a whole can't be learned from."""

REFUSED = {
    "elsewhere": Said("its name points outside the zip", "文件名指向 zip 之外"),
    "link": Said("a link, not a file", "这是链接，不是文件"),
    "deep": Said(
        "its name has more than {letters} letters or {folders} folders", "文件名超过 {letters} 个字符或 {folders} 层文件夹"
    ),
    "twice": Said("another file has this name", "已有同名文件"),
    "no_picture": Said("not a picture", "不是图片"),
    "encrypted": Said("it needs a password", "需要密码"),
    "method": Said("packed in a way that isn't read here", "压缩方式不受支持"),
    "broken": Said("damaged in the zip", "在 zip 中已损坏"),
    "no_folder": Said("it lies in no class's folder", "不在任何类别的文件夹中"),
    "name": Said(
        "its folder's name has more than {most} letters, or some that can't be printed",
        "文件夹名称超过 {most} 个字符或含有无法显示的字符",
    ),
    "small_class": Said(
        "left out as a class: {count} readable pictures, and at least {least} are needed",
        "未作为类别使用：只有 {count} 张可读图片，至少需要 {least} 张",
    ),
}
"""Why one file of a visitor's zip isn't used."""

OWN = {
    "disclaimer": Said(
        "This model was taught with somebody's own pictures and knows nothing else: it names one of its classes whatever the "
        "photo shows. Decide nothing by it that matters.",
        "该模型由用户自己的图片训练而成，只认识这些类别：无论照片内容是什么，它都会给出其中一类。请勿据此作重要决定。",
    ),
    "label": Said("A model of one's own", "自教模型"),
    "question": Said("Which of them is it?", "这是哪一类？"),
    "promise": Said(
        "Give one photo; this model names one of its {count} classes: {names}.",
        "给出一张照片，该模型会从其 {count} 类中说出一类：{names}。",
    ),
    "photo": Said("Photo", "照片"),
    "drop": Said("# Add a photo\nChoose, drop or paste one, or use the camera", "# 添加照片\n选择、拖放、粘贴，或使用相机"),
    "expect": Said("The likeliest class, and how likely each is", "最可能的类别，以及各类的可能性"),
    "expect_more": Said("You also see where on the photo the network looked.", "同时给出网络在照片上关注的位置。"),
    "likeliest": Said("Looks most like", "最像"),
    "chances": Said("How likely each class is", "各类的可能性"),
    "more": Said("And {count} less likely classes.", "另有 {count} 个可能性更小的类别。"),
    "evidence_note": Said(
        "Warm colours mark where the evidence for this class lies: where, not why. Without colour it is weak. "
        "Darkened edges were not looked at.",
        "暖色标出支持该类别的位置：只说明在哪里，不说明为什么。没有颜色处依据很弱。变暗的边缘未被查看。",
    ),
    "evidence_for": Said("Evidence for", "所示类别"),
    "about": Said("About this model", "关于此模型"),
    "card": Said("The card in its folder says more.", "其文件夹中的说明卡有更多信息。"),
}
"""What is said of models with classes of their own."""
ONDEVICE = {
    "title": Said("On this device", "本机处理"),
    "drop": Said("Add a photo of the spot", "添加皮损照片"),
    "drop_how": Said("Choose, drop or paste one, or use the camera", "选择、拖放、粘贴，或使用相机"),
    "choose": Said("Choose a photo", "选择照片"),
    "camera": Said("Use the camera", "使用相机"),
    "take": Said("Take this picture", "拍下这一张"),
    "stop": Said("Stop the camera", "关闭相机"),
    "preview": Said("Your photo", "您的照片"),
    "loading": Said(
        "Bringing the model to this device: {done} of {all} MB, the first time only",
        "正在将模型下载到本机：{done} / {all} MB，仅首次需要",
    ),
    "private": Said(
        "No photo leaves this page: your browser computes the answer and blocks every connection that this page might try.",
        "照片不会离开本页：答案由您的浏览器计算，浏览器会阻止本页的任何连接。",
    ),
    "not_private": Said(
        "Your browser computes the answer. It can't be made to block this page's connections, so this is only our word "
        "that no photo is sent.",
        "答案由您的浏览器计算。该浏览器无法阻止本页的连接，因此不发送照片仅是我们的承诺。",
    ),
    "no_camera": Said(
        "There is no camera here: browsers allow it on https and on this machine's own address alone.",
        "此处无法使用相机：浏览器只在 https 或本机地址上允许使用。",
    ),
    "engine": Said("{provider}, threads: {threads}, {elapsed} ms a photo", "{provider}，{threads} 线程，每张 {elapsed} 毫秒"),
    "engine_gpu": Said("{provider}, {elapsed} ms a photo", "{provider}，每张 {elapsed} 毫秒"),
    "engine_live": Said(
        "{provider}, {elapsed} ms a frame, {rate} frames a second", "{provider}，每帧 {elapsed} 毫秒，每秒 {rate} 帧"
    ),
    "broken": Said(
        "This browser can't run the model here ({reason}). Load the page again, update the browser, or use the photo tab.",
        "此浏览器无法在此运行模型（{reason}）。请重新加载页面、更新浏览器，或使用照片标签页。",
    ),
    "unexpected": Said(
        "Something went wrong in this browser; try again, load the page anew, or use the photo tab.",
        "浏览器出现问题；请重试、重新加载页面，或使用照片标签页。",
    ),
    "refused_empty": Said(
        "The file is empty (0 bytes); choose one JPEG, PNG or WebP photo.",
        "文件为空（0 字节）；请选择一张 JPEG、PNG 或 WebP 照片。",
    ),
    "refused_heavy": Said(
        "The file has {size} MB, more than {most}; choose a smaller photo.",
        "文件大小为 {size} MB，超过 {most} MB；请选择更小的照片。",
    ),
    "refused_unreadable": Said(
        "This browser can't read the file as a picture; choose one JPEG, PNG or WebP photo.",
        "此浏览器无法将该文件读取为图片；请选择一张 JPEG、PNG 或 WebP 照片。",
    ),
    "refused_large": Said(
        "The picture is {size}, more than {most} megapixels; choose a smaller one.",
        "图片尺寸为 {size}，超过 {most} 百万像素；请选择更小的图片。",
    ),
    "refused_tiny": Said(
        "The picture is {size}, too small to hold a lesion; choose at least {least}x{least}.",
        "图片尺寸为 {size}，太小，无法包含皮损；请至少选择 {least}x{least}。",
    ),
    "refused_strip": Said(
        "The picture is {size}, a strip; choose one no more than {most} times as long as it is wide.",
        "图片尺寸为 {size}，过于狭长；请选择长宽比不超过 {most} 的图片。",
    ),
    "refused_animated": Said(
        "The file holds {count} pictures; choose one still photo.", "文件包含 {count} 幅图片；请选择一张静态照片。"
    ),
    "refused_camera": Said(
        "The camera can't be used ({reason}); allow it in the browser, or choose a photo.",
        "无法使用相机（{reason}）；请在浏览器中允许，或选择照片。",
    ),
    "selftest_worst": Said(
        "Largest difference in probability: {worst} (here {ours}, on the server {theirs})",
        "概率的最大差异：{worst}（本机 {ours}，服务器 {theirs}）",
    ),
    "selftest_photo": Said("Drawn photo", "绘制的照片"),
    "selftest_here": Said("Here", "本机"),
    "selftest_server": Said("Server", "服务器"),
    "selftest_difference": Said("Difference", "差异"),
    "selftest_elapsed": Said("Model", "模型耗时"),
    "missing": Said("This tab isn't installed here", "此标签页尚未安装"),
    "missing_why": Said(
        "It needs ONNX Runtime for browsers and a model file that computes in float; the rest of the page works without.",
        "它需要浏览器版 ONNX Runtime 和以浮点计算的模型文件；页面的其余部分不受影响。",
    ),
    "missing_cure": Said("Run: make ondevice, and start the page again.", "请运行 make ondevice，然后重新启动页面。"),
}
"""What the On-device tab says; braces are filled in the browser."""

LIVE = {
    "title": Said("Look through the camera", "通过相机实时查看"),
    "how": Said(
        "The answer follows what the camera sees. Hold still, and the sharpest picture gets the full answer.",
        "结果随相机画面更新。保持不动，最清晰的一帧会得到完整结果。",
    ),
    "loading": Said("Getting ready…", "正在准备…"),
    "start": Said("Start the camera", "打开相机"),
    "stop": Said("Stop the camera", "关闭相机"),
    "capture": Said("Capture now", "立即拍下"),
    "zoom": Said("Zoom", "缩放"),
    "map": Said("Map", "热图"),
    "sight": Said("What the camera sees", "相机画面"),
    "private": Said(
        "The square goes to this server alone, frame by frame, is answered and dropped: no frame is written anywhere. "
        "A turn takes {minutes} minutes, then you can start again.",
        "方框内的画面逐帧只发送到本服务器，作答后即丢弃，不会写入任何地方。每次 {minutes} 分钟，之后可重新开始。",
    ),
    "aim": Said("Put one spot into the circle", "将一处皮损置于圆圈内"),
    "hold": Said("Hold still…", "请保持不动…"),
    "captured": Said("Captured: the full answer is below", "已拍下：完整结果见下方"),
    "captured_at": Said("The full answer to the picture of", "以下画面的完整结果，拍摄于"),
    "pace": Said("{rate} frames/s, {elapsed} ms each", "每秒 {rate} 帧，每帧 {elapsed} 毫秒"),
    "left": Said("{time} left", "剩余 {time}"),
    "empty": Said("The answer appears here as soon as the camera sees a spot", "相机看到皮损后，结果即显示在此处"),
    "empty_how": Said(
        "A priority is shown once it has lasted, and Low only after several readable frames. Unreadable frames don't count.",
        "优先级稳定后才会显示；“低”需要多帧可读画面。不可读的画面不计入。",
    ),
    "denied": Said(
        "The camera was refused: allow it in the browser's address bar and start again, or choose a photo on the tab Photo.",
        "相机被拒绝：请在浏览器地址栏中允许使用相机后重新开始，或在“照片”标签页中选择照片。",
    ),
    "absent": Said(
        "No camera was found: connect one and start again, or choose a photo on the tab Photo.",
        "未找到相机：请连接相机后重新开始，或在“照片”标签页中选择照片。",
    ),
    "taken": Said(
        "The camera gives no picture: close other programs that use it and start again.",
        "相机没有画面：请关闭其他正在使用相机的程序，然后重新开始。",
    ),
    "insecure": Said(
        "There is no camera here: browsers allow it on https and on this machine's own address alone.",
        "此处无法使用相机：浏览器只在 https 或本机地址上允许使用。",
    ),
    "unplugged": Said("The camera went away: connect it and start again.", "相机已断开：请重新连接后再开始。"),
    "hidden": Said(
        "The camera was switched off because the page was out of sight; start again whenever you like.",
        "页面不在视线内，相机已关闭；可随时重新开始。",
    ),
    "over": Said(
        "Your turn of {minutes} minutes is over, so that others get theirs; start again whenever you like.",
        "{minutes} 分钟已到，以便让其他人使用；可随时重新开始。",
    ),
    "gone": Said(
        "The server heard nothing of this camera for a while; start again.", "服务器有一段时间没有收到画面；请重新开始。"
    ),
    "full": Said(
        "All {most} places are taken at the moment: try again in a minute, or choose a photo on the tab Photo.",
        "目前 {most} 个位置已满：请一分钟后再试，或在“照片”标签页中选择照片。",
    ),
    "crowded": Said(
        "Your network holds its share of the {most} places at the moment: try again in a minute, or use the Photo tab.",
        "您的网络目前已占用其在 {most} 个位置中的份额：请一分钟后再试，或在“照片”标签页中选择照片。",
    ),
    "lost": Said("The server can't be reached: check the connection and start again.", "无法连接服务器：请检查网络后重新开始。"),
    "failed": Said(
        "Something went wrong on the server, and it was logged there; start again, or choose a photo on the tab Photo.",
        "服务器出现问题，已记录日志；请重新开始，或在“照片”标签页中选择照片。",
    ),
}
"""What the Live tab says; most gaps are filled in the browser."""

FOLLOW = {
    "earlier": Said("Earlier photo", "较早的照片"),
    "later": Said("Later photo", "较晚的照片"),
    "drop_earlier": Said("# The earlier photo\nChoose, drop or paste it", "# 较早的照片\n选择、拖放或粘贴"),
    "drop_later": Said(
        "# The later photo\nChoose, drop or paste it, or use the camera", "# 较晚的照片\n选择、拖放、粘贴，或使用相机"
    ),
    "title": Said("One spot, then and now", "同一处皮损：从前与现在"),
    "how": Said(
        "Give two photos of the same spot. They are laid on each other and measured, and each gets its own answer. "
        "Neither is stored for a next time: bring both again.",
        "给出同一处皮损的两张照片。程序会将两者对齐并测量，并分别给出结果。照片不会为下次保存：届时请再次提供两张。",
    ),
    "tip_same": Said("The same spot, from the same distance and angle", "同一处皮损，距离和角度一致"),
    "tip_skin": Said("Enough skin around it: its lines and hairs give the scale", "周围留有足够皮肤：纹理和毛发用来确定比例"),
    "tip_light": Said("The same kind of light, no flash", "光线相近，不用闪光灯"),
    "other": Said("Now add the other photo", "请再添加另一张照片"),
    "busy": Said("Laying the photos on each other and measuring…", "正在对齐并测量两张照片…"),
    "sentence": Said(
        "Change needs a doctor's eyes. This page measures and doesn't judge: if the spot has changed, itches or bleeds, or you "
        "are unsure, show it to a doctor, whatever stands here.",
        "变化需要由医生查看。本页只测量，不判断：如果皮损有变化、发痒、出血，或您不放心，无论此处显示什么，都请让医生查看。",
    ),
    "aligned": Said("The two photos, laid on each other", "两张照片对齐后"),
    "side_by_side": Said("The two photos, side by side", "两张照片并排"),
    "wipe": Said("Earlier or later: slide", "滑动以切换较早与较晚"),
    "blink": Said("Blink", "闪烁对比"),
    "outlines": Said("Outlines", "轮廓"),
    "turned": Said(
        "The later photo was turned by {degrees}° and scaled to {scale}%, and both are shown under one light.",
        "较晚的照片旋转了 {degrees}°，缩放至 {scale}%，两张照片以相同光线显示。",
    ),
    "by_skin": Said("The skin around the spot gave the scale.", "比例由周围皮肤确定。"),
    "by_lesion": Said(
        "Too little of the skin around it could be recognised to give the scale: sizes can't be compared.",
        "可识别的周围皮肤太少，无法确定比例：大小不可比较。",
    ),
    "not_aligned": Said(
        "The photos couldn't be aligned: too little in them looks alike. Sizes can't be compared; take the next photo from the "
        "same distance and angle, with skin around the spot.",
        "照片无法对齐：两者相似之处太少。大小不可比较；下次请以相同的距离和角度拍摄，并包含周围皮肤。",
    ),
    "no_lesion": Said(
        "On the {which} no spot stands out from the skin, so nothing was measured.",
        "在{which}中没有从皮肤中突出的皮损，因此未进行测量。",
    ),
    "unclear": Said(
        "At least one of the photos can't be judged, so nothing was measured: see below what to do about it.",
        "至少有一张照片无法判断，因此未进行测量：改进方法见下方。",
    ),
    "measured": Said("What was measured", "测量结果"),
    "measured_note": Said(
        "The bar shows the interval in which nine of ten repeats lie, with small disturbances of photo, outline and alignment; "
        "the line in its middle means no difference. A changed angle, pressed skin or another lens are not in it.",
        "横条表示十次重复中有九次所在的区间，重复时对照片、轮廓和对齐略作扰动；中间的线表示没有差异。角度变化、皮肤受压或更换镜头不在其中。",
    ),
    "figure": Said("Figure", "项目"),
    "then": Said("Earlier", "较早"),
    "now": Said("Later", "较晚"),
    "change": Said("Difference", "差异"),
    "interval": Said("{low} to {high}", "{low} 至 {high}"),
    "points": Said("{value} points", "{value} 个百分点"),
    "area": Said("Area", "面积"),
    "diameter": Said("Largest diameter", "最大直径"),
    "asymmetry": Said("Asymmetry of the shape", "形状的不对称"),
    "irregularity": Said("Edge, against a circle's", "边缘长度与圆之比"),
    "colours": Said("Spread of colours", "颜色的分散程度"),
    "contrast": Said("Contrast to the skin", "与皮肤的对比"),
}
"""What the Follow-up tab says."""

NOT_UPLOADED = Said(
    "A photo is given as an uploaded file, not as an address or a path; upload it, with handle_file in gradio_client.",
    "请上传照片文件，而不是网址或路径；在 gradio_client 中使用 handle_file。",
)
UNEXPECTED = Said(
    "Something went wrong on the server, and it was logged there; try again, or try another photo.",
    "服务器出现问题，已记录日志；请重试或更换照片。",
)
NO_STORAGE = Said(
    "This server has no place for photos at the moment, and it was logged there; try again in a few minutes.",
    "服务器目前没有存放照片的空间，已记录日志；请几分钟后重试。",
)
NO_PHOTO = Said("No photo was given; give one JPEG, PNG or WebP photo.", "没有收到照片；请提供一张 JPEG、PNG 或 WebP 照片。")
CROWDED = {
    "guesses": Said(
        "Too many wrong passwords came from your network; wait a little and try again.",
        "您的网络输入错误密码的次数过多；请稍候再试。",
    ),
    "waiting": Said(
        "As many photos from your network are waiting as leave others a place; try again in a minute.",
        "您的网络中等待的照片已达上限，以便为其他人保留位置；请一分钟后再试。",
    ),
    "uploads": Said(
        "Your network has sent as much as the server can keep for it at the moment; try again in ten minutes.",
        "您的网络发送的文件已达服务器目前可保存的上限；请十分钟后再试。",
    ),
    "requests": Said(
        "The server is answering as many requests of your network as leave others a place; try again in a moment.",
        "服务器正在处理的来自您网络的请求已达上限，以便为其他人保留位置；请稍后再试。",
    ),
    "slow": Said(
        "The request came in too slowly and was given up; try again over a better connection.",
        "请求传输过慢，已放弃；请换用更好的网络再试。",
    ),
}
"""What whoever meets a limit is told."""
GUESSES = Said(
    "After {count} wrong passwords the next one is taken {seconds} seconds later.",
    "输错 {count} 次密码后，需等待 {seconds} 秒才能再次尝试。",
)
MALFORMED = Said(
    "The request makes no sense to this server; see how the API is called at the foot of the page.",
    "服务器无法理解此请求；请参阅页面底部的 API 说明。",
)
TOO_MANY = Said(
    "{count} photos were given, more than {most}; send them in parts.",
    "收到 {count} 张照片，超过 {most} 张；请分批发送。",
)

SEND = Said("send one JPEG, PNG or WebP photo", "请发送一张 JPEG、PNG 或 WebP 照片")
UNREADABLE = {
    "empty": Said("The file is empty (0 bytes); " + SEND.en + ".", "文件是空的（0 字节）；" + SEND.zh + "。"),
    "closed": Said("{path} can't be opened ({reason}); check the path.", "无法打开 {path}（{reason}）；请检查路径。"),
    "heavy": Said(
        "The file has {size:.0f} MB, more than {most}; send a smaller photo.",
        "文件有 {size:.0f} MB，超过 {most} MB；请发送较小的照片。",
    ),
    "no_picture": Said(
        "The file is not a picture that can be read here (it starts with {start!r}); " + SEND.en + ".",
        "该文件不是这里能读取的图片（开头为 {start!r}）；" + SEND.zh + "。",
    ),
    "damaged": Said(
        "The picture is damaged or cut off ({detail}); take or export it again.",
        "图片已损坏或不完整（{detail}）；请重新拍摄或导出。",
    ),
    "large": Said(
        "The picture is {width}x{height}, more than {most} megapixels; send a smaller one.",
        "图片为 {width}x{height}，超过 {most} 百万像素；请发送较小的图片。",
    ),
    "tiny": Said(
        "The picture is {width}x{height}, too small to hold a lesion; send at least {least}x{least}.",
        "图片为 {width}x{height}，太小，容不下一处皮损；请发送至少 {least}x{least} 的图片。",
    ),
    "strip": Said(
        "The picture is {width}x{height}, a strip; send one no more than {most} times as long as it is wide.",
        "图片为 {width}x{height}，过于狭长；请发送长边不超过短边 {most} 倍的图片。",
    ),
    "several": Said(
        "The file holds {count} pictures ({form}); send one still photo.",
        "文件含有 {count} 张图片（{form}）；请发送一张静态照片。",
    ),
    "built": Said(
        "The picture's file has {count} {part}, more than {limit}; open it in a picture editor and save it anew.",
        "图片文件含有 {count} {part}，超过 {limit}；请用图片编辑器打开后重新保存。",
    ),
    "overlapping": Said(
        "The picture's parts lie on top of each other in its file; open it in a picture editor and save it anew.",
        "图片的各部分在文件中相互重叠；请用图片编辑器打开后重新保存。",
    ),
    "busy": Said(
        "Other large photos are being read at the moment, and this one takes {size} MB of memory; "
        "send it again in a minute, or a smaller one.",
        "目前正在读取其他大幅照片，而这张需要 {size} MB 内存；请一分钟后重新发送，或发送较小的照片。",
    ),
    "depth": Said(
        "The picture's values are {kind}, not 8 or 16 bit; " + SEND.en + ".",
        "图片的数值为 {kind}，而非 8 或 16 位；" + SEND.zh + "。",
    ),
    "shape": Said(
        "An array of shape {shape} is no photo; give [height, width] or [height, width, 3 or 4].",
        "形状为 {shape} 的数组不是照片；请给出 [高, 宽] 或 [高, 宽, 3 或 4]。",
    ),
}
"""Why a photo can't be read; `detail` is what a decoder says, in English alone."""

BUILT = {
    "scans": Said("scans", "次扫描"),
    "segments": Said("segments", "个数据段"),
    "chunks": Said("chunks", "个数据块"),
    "tags": Said("tags", "个标签"),
    "pieces": Said("strips or tiles", "个条带或图块"),
    "tile": Said("pixels along a tile", "像素的图块边长"),
    "hidden": Said("times its pixels hidden in it", "倍于其尺寸的隐藏像素"),
}
"""What a picture's file may have too many of."""

NEEDED = Said("give a CSV with the columns file, dx", "请提供含有 file、dx 两列的 CSV 文件")
UNUSABLE_LABELS = {
    "no_text": Said(
        "The labels can't be read ({detail}); " + NEEDED.en + ", in UTF-8.",
        "标签无法读取（{detail}）；" + NEEDED.zh + "，编码为 UTF-8。",
    ),
    "empty": Said("The labels name no photo; " + NEEDED.en + ".", "标签中没有任何照片；" + NEEDED.zh + "。"),
    "columns": Said("The labels have the columns {columns}; " + NEEDED.en + ".", "标签的列为 {columns}；" + NEEDED.zh + "。"),
    "unknown": Said(
        "The labels say {dx!r} of {file}; dx must be one of {codes}.",
        "标签中 {file} 的 dx 为 {dx!r}；dx 必须是 {codes} 之一。",
    ),
}
"""Why a CSV of true lesions can't be used; `detail` is what a decoder says, in English alone."""
