#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *total(PyObject *self, PyObject *numbers)
{
    long sum = 0;
    PyObject *items = PySequence_Fast(numbers, "total() takes a sequence");
    if (items == NULL)
        return NULL;
    for (Py_ssize_t at = 0; at < PySequence_Fast_GET_SIZE(items); at++)
        sum += PyLong_AsLong(PySequence_Fast_GET_ITEM(items, at));
    Py_DECREF(items);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(sum);
}

static PyMethodDef methods[] = {{"total", total, METH_O, "The sum of the numbers."}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_total", NULL, -1, methods};

PyMODINIT_FUNC PyInit__total(void)
{
    return PyModule_Create(&module);
}
