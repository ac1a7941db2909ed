"""The calculator on a user's own table or weights: read it, estimate what the theory needs, predict, measure, compare.

Here live the reading of tables, the forecast and its report. Here never live formulas: the theory is that of the
models, the estimates are those of ``spectra``, the fits are those of ``experiments``.
"""

from __future__ import annotations

from rmtcollapse.predict.classification import predict_classification
from rmtcollapse.predict.classification_report import Accuracies, ClassificationForecast
from rmtcollapse.predict.jacobian import LayerForecast, WeightForecast, predict_jacobian
from rmtcollapse.predict.regression import predict_regression
from rmtcollapse.predict.report import Curve, RegressionForecast
from rmtcollapse.predict.tables import Table, load_dataset, read_table
from rmtcollapse.predict.tail import predict_tail
from rmtcollapse.predict.tail_report import TailForecast
from rmtcollapse.predict.texts import Text, load_text, read_text
from rmtcollapse.predict.weights import Weights, read_weights

__all__ = ["Curve", "RegressionForecast", "Table", "load_dataset", "predict_regression", "read_table"]
__all__ += ["TailForecast", "Text", "load_text", "predict_tail", "read_text"]
__all__ += ["Accuracies", "ClassificationForecast", "predict_classification"]
__all__ += ["LayerForecast", "WeightForecast", "Weights", "predict_jacobian", "read_weights"]
